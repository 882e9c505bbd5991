"""The proxy starts and serves meanwhile, and its status and metrics tell what is missing; a reload asks anew, and follows the name."""
import re
import urllib.request
from lib import names, pooled
from lib.bench import PROGRAMS, Bench, Daemon, Proxy, ask, correct, ctl, reload, wait_until

names.need()

with Bench() as b:
    known = names.Names(b.runtime)
    one = pooled.Server(None, "db1")
    path = b.file("proxy.conf", f'server "db1" {{ policy = "111" host = "db.test:{one.port}" kind = pooled slots = 9 }}\n')
    proxy = b.keep(Daemon([*known.within(), f"{PROGRAMS}/ppool-proxy", "-port", "0", "--runtime-dir", b.runtime, "-c", path, "--narrate", "no", "--admin", "0",
                           "--state-file", f"{b.runtime}/journal"]))
    proxy.port = int(proxy.wait_for(r'msg="serving" listen=\S+:(\d+) ')[1])
    proxy.socket = f"{b.runtime}/ppool-proxy-{proxy.port}.sock"
    proxy.wait_for(f'level=warn.* msg="the host of a server of the file is not found" id=db1 host=db.test:{one.port} why=.* again_ms=5000')
    other = b.server("1", "111", proxy.port, options=["--narrate", "no"], wait=False)

    page = proxy.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1]

    def servers():
        return {s["id"]: s for s in ctl(proxy.socket, "servers")}

    def missing():
        told = ctl(proxy.socket, "status")["servers_missing"]
        with urllib.request.urlopen(f"http://127.0.0.1:{page}/metrics") as metrics:
            counted = re.search(r"^policypool_static_servers_missing (\d+)$", metrics.read().decode(), re.M)[1]
        assert int(counted) == len(told), (counted, told)
        return told

    wait_until(lambda: "1" in servers(), "the other one")
    assert correct(ask(proxy)) and "db1" not in servers()
    row, = missing()
    assert row["id"] == "db1" and row["host"] == f"db.test:{one.port}" and row["why"].startswith("the host of a server of the file is not found: "), row
    known.hosts("127.0.0.1 db.test")
    wait_until(lambda: servers().get("db1", {}).get("state") == "up", "its address")
    assert missing() == []
    assert {ask(proxy)["srcid"] for _ in range(6)} == {"1", "db1"}
    assert proxy.said("is not found") == 1
    # A name that has no address any more keeps its server where it was.
    known.hosts()
    reload(proxy)
    proxy.said("is not found", 2)
    assert servers()["db1"]["addr"] == f"127.0.0.1:{one.port}" and missing() == []
    known.hosts("127.0.0.9 db.test")
    reload(proxy)
    wait_until(lambda: servers()["db1"]["addr"] == f"127.0.0.9:{one.port}", "it follows its name")
    one.stop()
