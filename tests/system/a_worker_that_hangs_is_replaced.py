"""Stopped by the kernel, its loop does not turn: the others go on, and a successor comes."""
import signal
import os
from lib.bench import Bench, ask, correct, ctl, wait_until, workers

with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy, options=["--worker-timeout", "1s"])
    stuck = workers(server)[0]
    os.kill(stuck, signal.SIGSTOP)
    wait_until(lambda: len(set(workers(server)) - {stuck}) == 2, "a successor")
    server.wait_for("worker hangs")
    last = ctl(server.socket, "deaths")[0]
    assert last["why"] == "hung" and last["pid"] == stuck and last["exit"] == "signal 9 KILL", last
    assert all(correct(ask(proxy)) for _ in range(10))
