"""Under load a worker of the proxy is killed with requests that it has not read, so that their connections are reset: the client
reconnects, asks again, and has every digest."""
import json
import os
import signal
import subprocess
from lib.bench import PROGRAMS, Bench, wait_until, workers


def unread(port):
    """Has the port a connection with input that no process takes?"""
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return any(int(r[1].partition(":")[2], 16) == port and int(r[4].partition(":")[2], 16) > 0 for r in rows)


with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no"])
    b.server("1", "111", proxy, options=["--narrate", "no"])
    load = subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", "111", "--duration", "2s", "--parallel", "8",
                             "--pipeline", "4", "--size", "50", "--vary", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: proxy.servers()["1"]["served"] > 1000, "load")
    victim = workers(proxy)[0]
    os.kill(victim, signal.SIGSTOP)
    wait_until(lambda: unread(proxy.port), "requests that are not read")
    os.kill(victim, signal.SIGKILL)
    out, err = load.communicate(timeout=60)
    got = json.loads(out)
    assert load.returncode == 0 and got["sent"] == got["correct"], (got, err)
    assert 0 < got["resent"] <= 8 * 4 and sum(got["resends"].values()) == got["resent"], got
