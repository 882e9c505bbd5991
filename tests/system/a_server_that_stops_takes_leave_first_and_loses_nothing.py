"""Load runs through the proxy while one of two servers is stopped and started again."""
import json
import os
import subprocess
from lib.bench import PROGRAMS, Bench

with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no"])
    b.server("1", "111", proxy, options=["--narrate", "no"])
    load = subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", "111", "--count", "30000",
                             "--parallel", "16", "--vary", "--size", "50", "--json"], stdout=subprocess.PIPE, text=True)
    for _ in range(4):
        other = b.server("2", "111", proxy, options=["--narrate", "no"])
        assert other.stop() == 0, other.output
        proxy.wait_for(r"server left.* id=2")
        proxy.wait_server("2", present=False)
    out, _ = load.communicate(timeout=110)
    got = json.loads(out)
    assert load.returncode == 0 and got["correct"] == 30000, got
    assert "2" in got["servers"], "the second server never served: nothing was shown"
