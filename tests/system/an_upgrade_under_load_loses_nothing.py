"""Proxy and server are upgraded in turn while 32 connections ask without a pause: none is refused, no answer is wrong or missing."""
import subprocess
import threading
import json
from lib.bench import PROGRAMS, SLOW, Bench, wait_until

with Bench() as b:
    quiet = ["--narrate", "no", "--stop-timeout", "1s"]
    proxy = b.proxy(options=quiet)
    server = b.server("1", "111", proxy, options=quiet)
    load = subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", "111", "--json", "--vary", "--size", "50",
                             "--parallel", "32", "--count", "80000"], stdout=subprocess.PIPE, text=True)
    upgrades = 0
    while load.poll() is None and upgrades < 8:
        (proxy, server)[upgrades % 2].upgrade()
        upgrades += 1
        threading.Event().wait(0.2)
    out, _ = load.communicate(timeout=100 * SLOW)
    got = json.loads(out)
    assert upgrades >= 2, upgrades
    assert got["correct"] == got["sent"] == 80000 and got["stray"] == 0, got
