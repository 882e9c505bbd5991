"""Children that keep the pipes, a daemon of its own, a hundred processes that ignore signals: whatever a job process has started ends
with it, and holds nobody up."""
from lib.bench import Bench
from lib.misbehaving import PROXY, TIMEOUT, each_end_is_told, failure_is_told, leftovers, nothing_left_but, processes, settings, under_load, wait_until
from lib.quiet import books, quiet

with Bench() as b:
    proxy = b.proxy(options=PROXY)
    server = b.server("100", "111", proxy, options=settings(timeout=2 * TIMEOUT))
    processes(server)
    before = books(server)
    got = under_load(proxy, "sick:daemonises")
    assert set(got) == {"handler-failed"}, got
    nothing_left_but(server)
    failure_is_told(server, "ill", "failed")
    each_end_is_told(server, "ended", "ill", "code 0")
    since = len(server.output)
    got = under_load(proxy, "sick:bomb")
    assert set(got) <= {"handler-timeout", "handler-failed"}, got
    nothing_left_but(server)
    failure_is_told(server, "ill", "timeout", since=since)
    each_end_is_told(server, "timeout", "ill", since=since)
    # A child of a process that goes on is its own affair, until it ends.
    got = under_load(proxy, "sick:forks", sick=10)
    assert got == {"answered": 10}, got
    quiet(proxy)
    quiet(server, since=before)
    server.stop()
    b.started.remove(server)
    wait_until(lambda: not leftovers(), "with the server all of them end")
