"""Beside a program that never pauses, on the same processor, a worker that has to wait goes back to SCHED_OTHER, and does not stay there."""
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

LONG = 500000  # ns that a run waits on the average before it is anything


def waits(worker):
    """Since it was started: ns in all, runs."""
    with open(f"/proc/{worker}/schedstat") as f:
        return tuple(map(int, f.read().split()[1:3]))


def goes_back(worker, peer):
    """It does, or has not had to wait for long: whatever else runs there may interrupt that program all the time."""
    before = waits(worker)
    try:
        wait_until(lambda: correct(peer.ask(request())) and os.sched_getscheduler(worker) == os.SCHED_OTHER, "SCHED_OTHER")
    except AssertionError:
        waited, ran = (now - then for now, then in zip(waits(worker), before))
        assert waited < 1.05 * LONG * ran, f"it stays, with {waited / ran / 1000:.0f} us a run"
        print(f"it waits for {waited / ran / 1000:.0f} us a run only")


with Bench() as b:
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    server = b.server("1", "111", None, workers=1, options=["--narrate", "no"])
    worker, = workers(server)
    wait_until(lambda: os.sched_getscheduler(worker) == os.SCHED_BATCH, "SCHED_BATCH at first")
    cpu = min(os.sched_getaffinity(0))
    os.sched_setaffinity(worker, {cpu})
    with subprocess.Popen([sys.executable, "-c", NEVER_PAUSES, str(cpu), str(60 * SLOW)]) as other, Peer(server) as p:
        try:
            goes_back(worker, p)
        finally:
            other.kill()
    wait_until(lambda: os.sched_getscheduler(worker) == os.SCHED_BATCH, "SCHED_BATCH again", 30)
    assert workers(server) == [worker]
