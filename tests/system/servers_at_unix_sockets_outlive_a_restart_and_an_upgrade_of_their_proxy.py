import os
from lib import plain
from lib.bench import FOLDER, Bench, ask, client_json, correct, wait_until
from lib.unix import UnixProxy, UnixServer, at

with Bench() as b:
    state = ["--state-file", f"{FOLDER}/state"]
    proxy = b.keep(UnixProxy(b, options=state))
    b.keep(UnixServer(b, "100", "own", proxy))
    old = plain.Server(proxy.port, id="1", policy="plain", port=at("plain"))
    os.chmod(at("plain")[5:], 0o666)
    proxy.wait_server("1")
    assert correct(ask(proxy, policy="own")) and correct(ask(proxy, policy="plain"))
    # An upgrade keeps them, under load.
    before = proxy.pid
    proxy.upgrade()
    status, summary = client_json(proxy, "--policy", "own", "--size", 64, "--count", 500, "--parallel", 8)
    assert status == 0 and summary["correct"] == 500, summary
    assert correct(ask(proxy, policy="plain")) and proxy.pid != before
    # So does a restart after a crash: the plain one announces itself to nobody again.
    wait_until(lambda: at("plain") in open(f"{FOLDER}/state").read(), "the state file")
    os.kill(proxy.pid, 9)
    wait_until(lambda: not proxy.alive(), "its end")
    proxy.kill_group()
    proxy = b.keep(UnixProxy(b, options=state))
    wait_until(lambda: correct(ask(proxy, policy="plain")), "the plain server, by the state file")
    assert proxy.servers()["1"]["addr"] == at("plain"), proxy.servers()
    proxy.wait_server("100")
    assert correct(ask(proxy, policy="own"))
    old.stop()
