"""Somebody has taken a worker over and writes to all shared memory that this worker can write: ends and counts that are huge,
permits of everything, chance.  Clients of the other worker are answered rightly, each request by a server of its policy, the
master answers every question, and once the worker is dead nothing of it is left.  What a worker only reads can't be written
through its memory at all."""
import os
import random
import signal
import urllib.request
from lib import needs, plain
from lib.bench import Bench, Peer, ask, client_json, correct, ctl, ctl_run, request, runs, wait_until, workers
from lib.overwritten import PATTERNS, Load, holder, overwrite, shared, write

needs.need_root()  # to write to another process's memory
POLICIES = ("111", "222")


def asks(payload, n):
    """Both policies in turn."""
    return request(payload=payload, policy=POLICIES[n % 2]), lambda reply: correct(reply, payload)


def everything_answers(proxy, admin):
    for verb in ("servers", "workers", "status", "policies"):
        status, out, err = ctl_run("-s", proxy.socket, "--json", verb)
        assert status == 0, (verb, out, err)
    for page in ("metrics", "overview"):
        with urllib.request.urlopen(f"http://127.0.0.1:{admin}/{page}", timeout=20) as r:
            assert r.status == 200 and r.read(), page


def check(proxy, admin, loads):
    servers = {id: (s["addr"], s["policy"], s["state"]) for id, s in proxy.servers().items()}
    pids = workers(proxy)
    taken = pids[0]
    peers = []
    while sum(at != taken for _, at in peers) < 4:
        assert len(peers) < 200, "connections are not shared"
        peers.append((p := Peer(proxy), None))
        assert correct(p.ask(request()))
        peers[-1] = (p, holder(proxy, p))
    loads += [Load(p, asks) for p, at in peers if at != taken]

    dice = random.Random(1)
    for i, pattern in enumerate(PATTERNS):
        overwrite(taken, pattern, dice)
        everything_answers(proxy, admin)
        for load in loads:
            load.goes_on(20)
        assert proxy.alive(), proxy.output
        now = {id: (s["addr"], s["policy"], s["state"]) for id, s in proxy.servers().items()}
        assert now == servers, (i, now, servers)
    assert all(runs(p) for p in pids[1:])

    # What it only reads is not to be written, not even by a process that may write to protected pages.
    readable = shared(taken, "r--s")
    assert len(readable) >= 3, readable
    for start, end in readable:
        for at in {start, (start + end) // 2 & ~7, end - 8}:
            assert write(taken, at, b"\xff" * 8) == 0, hex(at)

    os.kill(taken, signal.SIGKILL)
    wait_until(lambda: taken not in workers(proxy) and len(workers(proxy)) == 2, "another worker")
    everything_answers(proxy, admin)
    for load in loads:
        load.goes_on(20)
        load.over.set()
        load.join(30)
        assert not load.wrong, load.wrong
    for p, _ in peers:
        p.close()
    for policy in POLICIES:
        status, got = client_json(proxy, "--policy", policy, "--count", 300, "--parallel", 8, "--vary", "--size", 40)
        assert status == 0 and got["correct"] == 300, got
    for s in proxy.servers().values():
        assert s["in_flight"] == 0 and s["served"] < 2**60, s
    assert all(w["in_flight"] == 0 for w in ctl(proxy.socket, "workers"))


with Bench() as b:
    proxy = b.proxy(workers=2, options=["--narrate", "no", "--admin", "0"])
    admin = int(proxy.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1])
    pooled = [b.server(i, "111", proxy, options=["--narrate", "no"]) for i in (1, 2)]
    plains = [plain.Server(proxy.port, id=str(i), policy="222") for i in (3, 4)]
    for s in plains:
        proxy.wait_server(s.id)
    wait_until(lambda: all(correct(ask(proxy, policy=p)) for p in POLICIES) and
               all(s["state"] == "up" for s in proxy.servers().values()), "all have answered")
    loads = []
    try:
        check(proxy, admin, loads)
    finally:
        for load in loads:
            load.over.set()
    assert all(s.broken is None for s in plains)
    for s in plains:
        s.stop()
