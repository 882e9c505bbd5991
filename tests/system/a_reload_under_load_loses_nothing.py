"""Both daemons are reloaded again and again, and the server moves from port to port and from weight to weight meanwhile."""
import json
import subprocess
import threading
from lib.bench import PROGRAMS, SLOW, Bench, ctl, ctl_run, wait_until

with Bench() as b:
    quiet = ["--narrate", "no", "--stop-timeout", "1s"]
    proxy = b.proxy(options=quiet)
    b.file("s.conf", "weight = 1\n")
    server = b.server("1", "111", proxy, options=[*quiet, "-c", "s.conf"])
    load = subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", "111", "--json", "--vary", "--size", "50",
                             "--parallel", "32", "--count", "60000"], stdout=subprocess.PIPE, text=True)
    reloads = 0
    while load.poll() is None and reloads < 20:
        reloads += 1
        b.file("s.conf", f"weight = {reloads + 1}\n")
        for daemon in (server, proxy):
            status, out, err = ctl_run("-s", daemon.socket, "reload")
            assert status == 0, err
        threading.Event().wait(0.1)
    out, _ = load.communicate(timeout=100 * SLOW)
    got = json.loads(out)
    assert reloads >= 2, reloads
    assert got["correct"] == got["sent"] == 60000 and got["stray"] == 0, got
    wait_until(lambda: len(ctl(server.socket, "workers")) == 2 == len(ctl(proxy.socket, "workers")), "two workers each")
    proxy.wait_server("1", weight=reloads + 1)
