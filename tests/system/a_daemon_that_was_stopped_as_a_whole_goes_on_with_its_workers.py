"""All its processes stand still for longer than worker_timeout, as on a machine that is paused: nobody hangs who stood still along
with the master.  One that hangs alone afterwards is still found."""
import os
import signal
import time
from lib.bench import Bench, ask, correct, ctl, wait_until, workers


def heartbeats(daemon):
    return {w["pid"]: w["heartbeat_ms"] for w in ctl(daemon.socket, "workers")}


with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy, options=["--worker-timeout", "1s"])
    before = sorted(workers(server))
    until = time.monotonic() + 2
    os.killpg(server.process.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: time.monotonic() > until, "the end of the pause")
        os.kill(server.pid, signal.SIGCONT)  # the first to look about
        ctl(server.socket, "status")
    finally:
        os.killpg(server.process.pid, signal.SIGCONT)
    wait_until(lambda: all(age < 1000 for age in heartbeats(server).values()), "heartbeats")
    assert sorted(workers(server)) == before and ctl(server.socket, "deaths") == []
    assert correct(ask(proxy))
    os.kill(before[0], signal.SIGSTOP)
    wait_until(lambda: before[0] not in workers(server) and len(workers(server)) == 2, "a successor")
    assert ctl(server.socket, "deaths")[0]["why"] == "hung"
