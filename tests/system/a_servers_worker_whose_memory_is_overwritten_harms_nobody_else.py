"""Somebody has taken a server's worker over and writes to all shared memory that it can write: what it counts of itself, of its
jobs, and which payloads its job processes have in hand.  Jobs of the other worker's clients are answered rightly by the job
processes that they had, the master answers every question, and once the worker is dead nothing of it is left."""
import os
import random
import signal
import time
import urllib.request
from lib import handlers, needs
from lib.bench import Bench, Peer, ctl, ctl_run, request, wait_until, workers
from lib.overwritten import PATTERNS, Load, holder, overwrite, shared, write

needs.need_root()  # to write to another process's memory
BELIEVED = 2**60
SUM_MAX = 2**63 - 1


def asks(payload, n):
    return request(payload=payload), lambda reply: reply is not None and reply["type"] == "2" and reply["payload"] == payload.upper()


def everything_answers(server, admin):
    for verb in ("workers", "status", "handlers", "strikes"):
        status, out, err = ctl_run("-s", server.socket, "--json", verb)
        assert status == 0, (verb, out, err)
        status, out, err = ctl_run("-s", server.socket, verb)
        assert status == 0, (verb, out, err)
    for page in ("metrics", "overview"):
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/{page}", timeout=20) as r:
            assert r.status == 200 and r.read(), page


def is_bounded(server):
    """What is told of jobs, whatever a worker says."""
    for p in handlers.processes(server):
        assert 0 <= p["jobs"] < BELIEVED and 0 <= (p["job_age_s"] or 0) <= time.monotonic() and (p["client"] or "").isprintable(), p
    status = ctl(server.socket, "status")
    assert all(0 <= n <= SUM_MAX for n in (*status["jobs"].values(), status["job_queue"], status["job_queue_max"])), status


def processes(server, slot):
    """Those of the worker there: {pid: how often one in its place has ended}."""
    return {p["pid"]: p["restarts"] for p in handlers.processes(server) if p["worker"] == slot}


def share_connections(server, taken):
    """Peers, four of which at least are not at that worker, and which these are."""
    peers = []
    while sum(at != taken for _, at in peers) < 4:
        assert len(peers) < 200, "connections are not shared"
        p = Peer(server)
        assert p.ask(request(payload="first"))["payload"] == "FIRST"
        peers.append((p, holder(server, p)))
    return peers


def check(server, admin, loads):
    pids = workers(server)
    taken = pids[0]
    other = next(w["slot"] for w in ctl(server.socket, "workers") if w["pid"] == pids[1])
    peers = share_connections(server, taken)
    loads += [Load(p, asks) for p, at in peers if at != taken]
    others = processes(server, other)
    assert len(others) == 2, others

    assert len(shared(taken, "rw-s")) >= 4, "a row of scoreboard, jobs, processes and payloads each"
    dice = random.Random(1)
    for i, pattern in enumerate(PATTERNS):
        overwrite(taken, pattern, dice)
        everything_answers(server, admin)
        is_bounded(server)
        for load in loads:
            load.goes_on(10)
        assert server.alive(), server.output
        assert pids[1] in workers(server), i
        assert processes(server, other) == others, i

    # What it only reads is not to be written, not even by a process that may write to protected pages.
    readable = shared(taken, "r--s")
    assert len(readable) >= 2, readable
    for start, end in readable:
        for at in {start, (start + end) // 2 & ~7, end - 8}:
            assert write(taken, at, b"\xff" * 8) == 0, hex(at)

    os.kill(taken, signal.SIGKILL)
    wait_until(lambda: taken not in workers(server) and len(workers(server)) == 2, "another worker")
    everything_answers(server, admin)
    assert processes(server, other) == others
    for load in loads:
        load.goes_on(10)
        load.over.set()
        load.join(30)
        assert not load.wrong, load.wrong
    for p, _ in peers:
        p.close()


with Bench() as b:
    server = handlers.server(b, handlers.UPPER, processes=2, workers=2, options=["--admin", "0", "--narrate", "no"])
    admin = int(server.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1])
    handlers.idle(server, 4)
    loads = []
    try:
        check(server, admin, loads)
    finally:
        for load in loads:
            load.over.set()
    handlers.idle(server, 4)
    status = ctl(server.socket, "status")
    assert all(0 <= n < BELIEVED for n in status["jobs"].values()), status
    assert status["job_queue"] == 0 and status["connections"] < 10, status
    assert all(w["in_flight"] == 0 for w in ctl(server.socket, "workers"))
