"""One proxy tells of another by an acknowledgement: a server joins that one too, keeps it when the first dies, and leaves it when it is told of no more."""
import json
from lib.bench import PROGRAMS, Bench, Daemon, Peer, ask, correct, ctl, ctl_run, free_port, run, wait_until
from lib.signed import Key, write


def announced(port, **more):
    with Peer(port) as peer:
        return peer.ask(json.dumps({"type": "1", "id": "9", "privPolyId": "999", "listenport": "9", **more}).encode())


def rows(server):
    return [(p["proxy"], p["learned"], p["registration"]) for p in ctl(server.socket, "status")["proxies"]]


with Bench() as b:
    two = b.proxy(workers=1)
    port = free_port()

    def settings(*proxies):
        return b.file("p.conf", f'listen = {port}\nworkers = 1\nproxies = {{{", ".join(json.dumps(p) for p in proxies)}}}\n')

    def start():
        one = b.keep(Daemon([f"{PROGRAMS}/ppool-proxy", "-c", settings(f"127.0.0.1:{two.port}", f"127.0.0.1:{port}"), "--runtime-dir", b.runtime]))
        one.socket, one.port = f"{b.runtime}/ppool-proxy-{port}.sock", port
        one.wait_for('msg="serving"')
        return one

    one = start()
    told = f"127.0.0.1:{two.port}"
    assert announced(port, ack="1")["proxies"] == told, "and not of itself"
    assert "proxies" not in announced(port), "only who asks for an acknowledgement reads it"
    assert "proxies" not in announced(two.port, ack="1")
    assert ctl_run("-s", one.socket, "remove", "9")[0] == 0 and ctl_run("-s", two.socket, "remove", "9")[0] == 0

    server = b.server("1", "111", port, workers=1, options=["--lease", "1s"])
    loner = b.server("2", "222", port, workers=1, options=["--no-learn-proxies"])
    two.wait_server("1")
    assert correct(ask(two.port)) and correct(ask(port))
    wait_until(lambda: rows(server) == [(str(port), False, "joined"), (told, True, "joined")], "both are shown")
    server.said('msg="told of a further proxy"')
    assert rows(loner) == [(str(port), False, "joined")] and "2" not in two.servers()

    # It outlives the proxy that told of it.
    one.kill_group()
    b.started.remove(one)
    wait_until(lambda: rows(server)[0][2] != "joined", "it is seen")
    assert rows(server)[1][1:] == (True, "joined") and correct(ask(two.port))
    assert ctl_run("-s", server.socket, "reload")[0] == 0
    assert len(rows(server)) == 2 and correct(ask(two.port))
    server.upgrade()
    wait_until(lambda: rows(server)[1:] == [(told, True, "joined")], "its successor knows of it")
    assert correct(ask(two.port))
    one = start()
    wait_until(lambda: [r[2] for r in rows(server)] == ["joined", "joined"], "joined again")

    # Told of no more, by the next acknowledgement.
    settings()
    assert ctl_run("-s", one.socket, "reload")[0] == 0
    two.wait_server("1", present=False)
    assert correct(ask(port))

    # Signed: by a proxy that proves it, and joined with the same key.
    alpha = Key("alpha")
    keys, ring = write(b, "key", f"secret {alpha.secret.hex()}\n"), write(b, "ring", alpha.stanza("policies 333", "ids 3"))
    signed = ["--keyring", ring, "--require-signature"]
    three = b.proxy(workers=1, options=signed)
    four = b.proxy(workers=1, options=[*signed, "--proxies", f"127.0.0.1:{three.port}"])
    server = b.server("3", "333", four, workers=1, options=["--key-file", keys, "--key-id", "alpha"])
    three.wait_server("3")
    assert correct(ask(three.port, policy="333"))

    for wrong, why in ((["--proxies", "2100"], "the host is missing"), (["--proxies", "a:1", "--proxies", "A:1"], "it is there twice"),
                       (["--proxies", "a:0"], "there is no port 0"), (["--proxies", "a"], "port"),
                       (["--proxies", ",".join(f"{'x' * 200}{i}:1" for i in range(6))], "longer than 1024 bytes")):
        status, out, err = run("ppool-proxy", *wrong, "-t")
        assert status != 0 and why in err, (wrong, err)
