"""Forty servers of which one lives: whatever the others are dead of, a handful of requests find out, and all others are answered as if
they were not there.  Slow is what no busy machine accounts for, and less than any clock that a dead server can run out."""
import os
import time
from lib import bench, dead, plain
from lib.bench import SLOW, Bench, allow_files, ctl_run, wait_until

SERVERS, CLIENTS, MOST = 40, 24, 12  # were each server given one at once, as many would be slow as there are clients
LIMIT = 2 * SLOW  # seconds; what waits for a dead server waits for twice that
OPTIONS = ["--narrate", "no", "--connect-timeout", f"{2 * LIMIT}s", "--reply-timeout", f"{2 * LIMIT}s"]


def living(b, proxy, pooled):
    return b.server("live", "111", proxy, options=["--narrate", "no"]) if pooled else plain.Server(proxy.port, id="live")


def judge(load, what):
    slow = sorted(load.slower(LIMIT))
    assert len(slow) <= MOST, f"{what}: {len(slow)} of {len(load.took)} requests took longer than {LIMIT} s: {slow[-20:]}"
    assert len(load.failed) <= MOST, f"{what}: {len(load.failed)} of {len(load.took)} failed: {load.failed[:5]}"
    end = max(sent for sent, _ in load.took)
    last = [took for sent, took in load.took if sent > end - 1]
    assert max(last) < LIMIT, f"{what}: they are slow still: {last}"
    return len(slow) + len(load.failed)


def asked(proxy):
    """Until the pool has been asked for long enough that a share of the requests would show."""
    load = dead.Load(proxy.port, CLIENTS)
    begin = time.monotonic()
    wait_until(lambda: time.monotonic() - begin > 3 * SLOW and len(load.took) > 1000, "a thousand answers", seconds=60)
    return load.stop()


allow_files(4096)
for kind, pooled in (("silent", False), ("hanging", True), ("resetting", False)):
    bench.FOLDER = os.path.join(os.environ["POLICYPOOL_SCENARIO"], f"{kind}-{pooled}")
    with Bench() as b:
        options = [*OPTIONS, "--state-file", os.path.join(bench.FOLDER, "state")]
        proxy = b.proxy(options=options)
        gone = [dead.Dead(kind, f"dead{i}", pooled=pooled) for i in range(SERVERS - 1)]
        for d in gone[:20]:
            d.announce(proxy.port)
        alive = living(b, proxy, pooled)
        for d in gone[20:]:
            d.announce(proxy.port)
        wait_until(lambda: len(proxy.servers()) == SERVERS, "all of them")
        judge(asked(proxy), f"{kind}, just announced")
        wait_until(lambda: os.path.exists(options[-1]) and "dead38" in open(options[-1]).read(), "the journal")
        proxy.kill_group()
        b.started.remove(proxy)
        proxy = b.proxy(port=proxy.port, options=options)
        judge(asked(proxy), f"{kind}, after a restart")
        for d in gone:
            d.close()
            ctl_run("-s", proxy.socket, "remove", d.id)
        if not pooled:
            alive.stop()
