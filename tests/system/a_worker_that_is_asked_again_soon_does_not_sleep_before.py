"""With busy_poll it looks on instead, without it does not: by the kernel's count of how often it slept."""
import os
import re
from lib.bench import Bench, Peer, correct, ctl_run, request, wait_until, workers

QUESTIONS = 500
CPUS = sorted(os.sched_getaffinity(0))


def slept(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"^voluntary_ctxt_switches:\t(\d+)$", f.read(), re.M)[1])


def sleeps(server):
    """How often its only worker slept during so many questions, one after the other; each on a processor of its own."""
    worker, = workers(server)
    os.sched_setaffinity(worker, {CPUS[0]})
    os.sched_setaffinity(0, {CPUS[-1]})
    with Peer(server) as p:
        before = slept(worker)
        for _ in range(QUESTIONS):
            assert correct(p.ask(request()))
        return slept(worker) - before


with Bench() as b:
    b.file("s.conf", "busy_poll = 1000\n")
    server = b.server("1", "111", None, workers=1, options=["-c", "s.conf", "--narrate", "no"])
    # Where there is only one processor it gives that away; so it does for any other busy process.
    if len(CPUS) > 1:
        wait_until(lambda: sleeps(server) < QUESTIONS / 2, "it looks on", 40)
    b.file("s.conf", "busy_poll = 0\n")
    former = workers(server)
    status, _, err = ctl_run("-s", server.socket, "reload")
    assert status == 0, err
    wait_until(lambda: len(now := workers(server)) == 1 and now != former, "a worker of the new settings alone")
    for _ in range(5):
        got = sleeps(server)
        assert got > QUESTIONS * 0.8, f"slept {got} times"
