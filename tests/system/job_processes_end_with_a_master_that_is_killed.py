"""A master that is killed leaves nothing behind: no worker, and no job process, though that heeds neither signals nor the end of its
input."""
import os
import signal
from lib.bench import Bench, ctl, runs, wait_until, workers

STUBBORN = """#!/usr/bin/env python3
import json, signal, sys, time
for number in (signal.SIGTERM, signal.SIGABRT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
for line in sys.stdin:
    print(json.dumps({"job": json.loads(line)["job"], "payload": ""}), flush=True)
while True:
    time.sleep(1)
"""

with Bench() as b:
    path = b.file("stubborn", STUBBORN)
    os.chmod(path, 0o755)
    server = b.server("1", "111", None, options=["--job", "x", "--handler", "exec", f"--handler-command={path}", "--handler-processes", "2",
                                                 "--narrate", "no"])
    children = workers(server) + [p["pid"] for p in ctl(server.socket, "handlers")]
    assert len(children) == 6 and all(runs(pid) for pid in children), children
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    wait_until(lambda: not any(runs(pid) for pid in children), "workers and job processes end with their master")
    b.started.remove(server)
