"""All its processes stand still for longer than worker_timeout, as on a machine that is paused: no worker is taken for hung that stood still along
with the master.  One that hangs alone afterwards is still found."""
import os
import signal
import time
from lib.bench import SLOW, Bench, ask, correct, ctl, wait_until, workers


def heartbeats(daemon):
    return {w["pid"]: w["heartbeat_ms"] for w in ctl(daemon.socket, "workers")}


def for_a_while(seconds, look=lambda: None):
    until = time.monotonic() + seconds * SLOW
    wait_until(lambda: look() or time.monotonic() > until, "the end of a while")


with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy, options=["--worker-timeout", f"{4 * SLOW}s"])
    before = sorted(workers(server))
    wait_until(lambda: max(heartbeats(server).values()) < 1000, "heartbeats")
    # The master has looked since they last told of themselves, and looks again before they can.
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    for_a_while(0.6)
    os.killpg(server.process.pid, signal.SIGSTOP)
    try:
        for_a_while(7)
        os.kill(server.pid, signal.SIGCONT)
        for_a_while(0.6, lambda: ctl(server.socket, "status") and None)
    finally:
        os.killpg(server.process.pid, signal.SIGCONT)
    wait_until(lambda: all(age < 1000 for age in heartbeats(server).values()), "heartbeats")
    assert sorted(workers(server)) == before and ctl(server.socket, "deaths") == []
    assert correct(ask(proxy))
    os.kill(before[0], signal.SIGSTOP)
    wait_until(lambda: before[0] not in workers(server) and len(workers(server)) == 2, "a successor")
    assert ctl(server.socket, "deaths")[0]["why"] == "hung"
