"""At the first of its name's addresses nobody listens: the server is looked for at the next one, and stays where it answers."""
from lib import names
from lib.bench import PROGRAMS, Bench, Daemon, ask, correct, ctl, wait_until

names.need()

with Bench() as b:
    known = names.Names(b.runtime)
    one = b.keep(Daemon([f"{PROGRAMS}/ppool-server", "-id", "db1", "-pp", "111", "-listen", "127.0.0.9:0", "--runtime-dir", b.runtime, "--narrate", "no"]))
    port = int(one.wait_for(r'msg="serving" .*listen=127\.0\.0\.9:(\d+) ')[1])
    known.hosts("127.0.0.9 db.test", "127.0.0.1 db.test")  # the second is told first (RFC 6724, rule 9)
    path = b.file("proxy.conf", f'server "db1" {{ policy = "111" host = "db.test:{port}" kind = pooled slots = 9 }}\n')
    proxy = b.keep(Daemon([*known.within(), f"{PROGRAMS}/ppool-proxy", "-port", "0", "--runtime-dir", b.runtime, "-c", path, "--narrate", "no",
                           "--state-file", f"{b.runtime}/journal"]))
    proxy.port = int(proxy.wait_for(r'msg="serving" listen=\S+:(\d+) ')[1])
    proxy.socket = f"{b.runtime}/ppool-proxy-{proxy.port}.sock"

    def server():
        return {s["id"]: s for s in ctl(proxy.socket, "servers")}.get("db1", {})

    wait_until(lambda: server().get("addr") == f"127.0.0.1:{port}", "its first address")
    wait_until(lambda: server()["addr"] == f"127.0.0.9:{port}" and server()["state"] == "up", "its second address")
    assert all(correct(ask(proxy)) for _ in range(3))
