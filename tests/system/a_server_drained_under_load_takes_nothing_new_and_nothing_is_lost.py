"""Load runs over two servers while one is drained, waited for, and enabled again, several times."""
import json
import subprocess
from lib.bench import PROGRAMS, Bench, ctl, wait_until

with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no"])
    for id in ("1", "2"):
        b.server(id, "111", proxy, options=["--narrate", "no"])
    load = subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", "111", "--count", "60000",
                             "--parallel", "16", "--vary", "--size", "50", "--json"], stdout=subprocess.PIPE, text=True)
    served = lambda id: proxy.servers()[id]["served"]
    for how, state in (("drain", "draining"), ("disable", "disabled")) * 2:
        before = served("2")
        wait_until(lambda: served("2") > before, "requests at server 2")
        assert ctl(proxy.socket, how, "2")["done"] == f"server 2 {state}"
        got = ctl(proxy.socket, "wait", "2", "20")
        assert got["id"] == "2" and got["in_flight"] == 0, got
        quiet, other = served("2"), served("1")
        assert proxy.servers()["2"]["state"] == state
        wait_until(lambda: served("1") > other + 100 or load.poll() is not None, "requests at server 1")
        assert load.poll() is None, "the load was over before anything was shown"
        assert served("2") == quiet, "a request went to a server that takes nothing new"
        if how == "disable":
            wait_until(lambda: proxy.servers()["2"]["connections"] == 0, "the end of the connections to it")
        ctl(proxy.socket, "enable", "2")
    out, _ = load.communicate(timeout=110)
    got = json.loads(out)
    assert load.returncode == 0 and got["correct"] == 60000, got
