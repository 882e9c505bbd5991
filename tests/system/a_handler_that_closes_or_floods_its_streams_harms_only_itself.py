"""Standard output closed, a job of 1 MiB that nobody reads, 64 MiB without a line's end, 64 MiB on standard error: the job in hand
pays, the memory of the daemon does not grow by it."""
from lib.bench import Bench, client_json, ctl
from lib.misbehaving import PROXY, TIMEOUT, each_end_is_told, failure_is_told, nothing_left_but, processes, settings, under_load
from lib.quiet import books, quiet


def resident(server):
    """MiB of its master and workers."""
    total = 0
    for pid in {server.pid, *(w["pid"] for w in ctl(server.socket, "workers"))}:
        with open(f"/proc/{pid}/statm") as f:
            total += int(f.read().split()[1]) * 4096 >> 20
    return total


with Bench() as b:
    proxy = b.proxy(options=PROXY)
    server = b.server("100", "111", proxy, options=settings(timeout=4 * TIMEOUT))
    processes(server)
    before, memory = books(server), resident(server)
    for mode, wanted in {"closes": {"handler-failed"}, "endless": {"handler-failed"}, "shouts": {"answered", "handler-timeout", "handler-failed"}}.items():
        since = len(server.output)
        got = under_load(proxy, f"sick:{mode}", sick=20)
        assert set(got) <= wanted, (mode, got)
        if mode != "shouts":  # fast enough, it is as well as any other
            failure_is_told(server, "ill", "failed", "protocol", since=since)
            each_end_is_told(server, "protocol", "ill", since=since)
        elif "handler-timeout" in got:
            failure_is_told(server, "ill", "timeout", since=since)
            each_end_is_told(server, "timeout", "ill", since=since)
        nothing_left_but(server)
    # However much a handler has said, its end is told.
    since = len(server.output)
    got = under_load(proxy, "sick:segfault", sick=10)
    failure_is_told(server, "ill", "failed", since=since)
    each_end_is_told(server, "ended", "ill", "signal 11", since=since)
    # One that reads no more: whose job comes next gets it done by another process, be it larger than the pipe.
    since = len(server.output)
    got = under_load(proxy, "sick:deaf", sick=10)
    assert set(got) <= {"answered", "handler-failed"}, got
    each_end_is_told(server, "timeout", since=since)
    for _ in range(2):
        client_json(proxy, "--policy", "111", "--payload", "sick:deaf", "--expect", "none")
        status, told = client_json(proxy, "--policy", "111", "--size", 900000, "--expect", "sha256", "--vary", "--count", 4, "--parallel", 4, seconds=120)
        assert status == 0 or set(told["errors"]) <= {"handler-timeout"}, told
    nothing_left_but(server)
    assert resident(server) < memory + 48, f"{memory} MiB before, {resident(server)} MiB after"
    quiet(proxy)
    quiet(server, since=before)
