"""A connection wakes one of the workers that sleep, not each of them (EPOLLEXCLUSIVE), and not always the same: by the kernel's count
of how often they slept.  Not under valgrind: one process runs at a time there."""
import re
from lib.bench import Bench, Peer, correct, ctl, request, wait_until, workers

WORKERS, CONNECTIONS = 12, 240


def slept(pids):
    return [int(re.search(r"^voluntary_ctxt_switches:\t(\d+)$", open(f"/proc/{pid}/status").read(), re.M)[1]) for pid in pids]


def taken(daemon):
    return [w["accepted"] for w in ctl(daemon.socket, "workers")]


def each(daemon):
    """Connections one after the other, each with a question: how often all workers slept a connection, and the connections of each."""
    pids, accepted = workers(daemon), taken(daemon)
    before = slept(pids)
    for _ in range(CONNECTIONS):
        with Peer(daemon) as p:
            assert correct(p.ask(request()))
    after = slept(pids)
    assert workers(daemon) == pids
    return sum(after) / CONNECTIONS - sum(before) / CONNECTIONS, [b - a for a, b in zip(accepted, taken(daemon))]


def gently(daemon):
    """Timers of idle workers count too, and more of them the longer it takes."""
    sleeps, shares = each(daemon)
    assert max(shares) <= 3 * CONNECTIONS / WORKERS, shares
    return sleeps < WORKERS * 0.6


with Bench() as b:
    proxy = b.proxy(workers=WORKERS, options=["--narrate", "no"])
    server = b.server("1", "111", proxy, workers=WORKERS, options=["--narrate", "no"])
    for daemon in (server, proxy):
        wait_until(lambda: gently(daemon), f"a connection wakes few workers of {daemon.argv[0]}", 60)
