"""Workers and job processes killed in the middle of jobs, reloads and upgrades one after the other, under load: nobody gets a wrong
answer, a request that may have run is not run again, and every job process ends with its worker."""
import os
import random
import signal
from lib.bench import Bench, ctl, ctl_run, wait_until, workers
from lib.misbehaving import PROXY, nothing_left_but, outcome, processes, settings, start_client
from lib.quiet import quiet


def load(proxy, count):
    return start_client(proxy, "--policy", "111", "--size", 60, "--vary", "--expect", "sha256", "--count", count, "--parallel", 32)


def told(got, count, *codes):
    assert got["wrong"] == got["failed"] == got["stray"] == 0 and got["sent"] == count, got
    assert set(got["errors"]) <= set(codes), got


with Bench() as b:
    proxy = b.proxy(options=PROXY)
    server = b.server("100", "111", proxy, options=settings(handler_strikes=0))
    processes(server)
    choose = random.Random(1)

    running = load(proxy, 6000)
    while running.poll() is None:
        # Where none is ever up, requests wait for one until queue_timeout.
        pids = [p["pid"] for p in ctl(server.socket, "handlers") if p["state"] in ("idle", "busy")]
        if len(pids) > 1:
            try:
                os.kill(choose.choice(pids), signal.SIGKILL)
            except ProcessLookupError:
                pass
    told(outcome(running), 6000, "handler-failed", "overloaded")

    running = load(proxy, 3000)
    for _ in range(3):
        victim = workers(server)[0]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(set(workers(server)) - {victim}) == 2, "a successor", 60)
    told(outcome(running), 3000, "upstream-failed", "overloaded")
    nothing_left_but(server)

    running = load(proxy, 3000)
    for _ in range(4):
        status, out, err = ctl_run("-s", server.socket, "reload")
        assert status == 0, (out, err)
    told(outcome(running), 3000)

    running = load(proxy, 2000)
    for _ in range(2):
        server.upgrade()
    told(outcome(running), 2000)
    processes(server)
    nothing_left_but(server)
    quiet(proxy, server)
