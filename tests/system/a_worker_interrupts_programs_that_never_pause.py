"""Beside a program that never pauses, on the same processor, a worker goes back to SCHED_OTHER, and does not stay there."""
import os
import subprocess
import sys
from lib.bench import SLOW, Bench, Peer, correct, request, wait_until, workers

NEVER_PAUSES = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
end = time.monotonic() + int(sys.argv[2])
while time.monotonic() < end:
    pass
"""

with Bench() as b:
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    server = b.server("1", "111", None, workers=1, options=["--narrate", "no"])
    worker, = workers(server)
    wait_until(lambda: os.sched_getscheduler(worker) == os.SCHED_BATCH, "SCHED_BATCH at first")
    cpu = min(os.sched_getaffinity(0))
    os.sched_setaffinity(worker, {cpu})
    with subprocess.Popen([sys.executable, "-c", NEVER_PAUSES, str(cpu), str(60 * SLOW)]) as other, Peer(server) as p:
        try:
            wait_until(lambda: correct(p.ask(request())) and os.sched_getscheduler(worker) == os.SCHED_OTHER,
                       "SCHED_OTHER beside a program that never pauses")
        finally:
            other.kill()
    wait_until(lambda: os.sched_getscheduler(worker) == os.SCHED_BATCH, "SCHED_BATCH again", 30)
    assert workers(server) == [worker]
