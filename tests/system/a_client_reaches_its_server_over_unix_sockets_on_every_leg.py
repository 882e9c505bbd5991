import os
from lib import plain
from lib.bench import Bench, ask, client_json, correct, ctl, run, still_serves
from lib.signed import Key, write
from lib.unix import UnixProxy, UnixServer, at

alpha = Key("alpha")
with Bench() as b:
    # ours on every leg
    proxy = b.keep(UnixProxy(b, options=["--access-log", "all", "--narrate", "no"]))
    server = b.keep(UnixServer(b, "100", "111", proxy, options=["--narrate", "no"]))
    b.keep(UnixServer(b, "300", "111", proxy, options=["--narrate", "no"]))
    status, summary = client_json(proxy, "--policy", "111", "--size", 256, "--count", 2000, "--parallel", 16)
    assert status == 0 and summary["correct"] == 2000, summary
    assert correct(ask(proxy))
    assert {s["served"] > 500 for s in proxy.servers().values()} == {True}, proxy.servers()
    assert ctl(server.socket, "status")["registration"] == "joined", ctl(server.socket, "status")
    assert proxy.said(f'client="unix:uid={os.getuid()},pid={os.getpid()}" ')
    # plain peers beside them
    old = plain.Server(proxy.port, id="5", policy="222", port=at("plain"))
    os.chmod(at("plain")[5:], 0o666)
    proxy.wait_server("5")
    got = plain.ask(proxy.port, policy="222")
    assert str(got.get("srcid")) == "5", got
    assert not old.broken and proxy.servers()["5"]["kind"] == "plain"
    old.stop()
    # a client that is not there is told so
    status, _, err = run("ppool-client", "-revproc", at("nobody"), "--policy", "111", "--payload", "x")
    assert status != 0 and "no such socket (ENOENT)" in err, err

with Bench() as b:
    # signed
    proxy = b.keep(UnixProxy(b, "signed", options=["--keyring", write(b, "ring", alpha.stanza("networks unix")), "--require-signature"]))
    key = write(b, "key", f"secret {alpha.secret.hex()}\n")
    b.keep(UnixServer(b, "100", "111", proxy, options=["--key-file", key, "--key-id", "alpha"]))
    still_serves(proxy)
    assert proxy.servers()["100"]["key"] == "alpha"
