"""Killed under load: every request is counted once, the client ends by itself, and says what failed."""
import json
import subprocess
from lib.bench import PROGRAMS, Bench, wait_until

with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no"])
    b.server("1", "111", proxy, options=["--narrate", "no"])
    load = subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", "111", "--count", "1000000",
                             "--parallel", "8", "--size", "50", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: proxy.servers()["1"]["served"] > 1000, "load")
    proxy.kill_group()
    b.started.remove(proxy)
    out, err = load.communicate(timeout=60)
    got = json.loads(out)
    assert load.returncode == 1 and got["failed"] > 0 and got["correct"] > 1000, got
    assert got["sent"] == got["correct"] + got["wrong"] + got["refused"] + got["failed"], got
