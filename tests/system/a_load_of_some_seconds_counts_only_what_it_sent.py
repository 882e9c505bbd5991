"""--duration against a proxy that ends in the middle: the load ends by itself, before its time, has failed, and counts what it sent
and nothing that it might have sent; whether it tries to connect anew or not, over one connection or several."""
import json
import subprocess
from lib.bench import PATIENCE, PROGRAMS, Bench, wait_until

for options in (["--retries", "0"], ["--retries", "2"], ["--retries", "0", "--parallel", "8"], ["--retries", "2", "--parallel", "8"],
                ["--retries", "2", "--parallel", "8", "--pipeline", "4"], ["--retries", "2", "--no-keepalive"]):
    with Bench() as b:
        proxy = b.proxy(options=["--narrate", "no"])
        b.server("1", "111", proxy, options=["--narrate", "no"])
        load = subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", "111", "--duration", "10m",
                                 "--size", "50", "--json", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: proxy.servers()["1"]["served"] > 100, "load")
        served = proxy.servers()["1"]["served"]
        proxy.kill_group()
        b.started.remove(proxy)
        out, err = load.communicate(timeout=60 * PATIENCE)
        got = json.loads(out)
        assert load.returncode == 1 and got["failed"] > 0, (options, got, err)
        assert got["sent"] == got["correct"] + got["wrong"] + got["refused"] + got["failed"], (options, got)
        assert got["correct"] >= served - 64 and got["failed"] <= 33, (options, served, got)
