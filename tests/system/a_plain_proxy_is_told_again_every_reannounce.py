"""A proxy that never acknowledges may have been restarted: it is told again after each `reannounce`.  With 0 it is told once,
whatever ack_timeout is."""
from lib import plain
from lib.bench import Bench, wait_until

with Bench() as b:
    closes, keeps, again = plain.Proxy(), plain.Proxy(keeps=True), plain.Proxy()
    b.server("1", "111", closes.port, options=["--reannounce", "0", "--ack-timeout", "100ms"])
    b.server("2", "111", keeps.port, options=["--reannounce", "0", "--ack-timeout", "100ms"])
    once = [closes, keeps]
    wait_until(lambda: all(len(p.said) == 2 for p in once), "in strings and in numbers")
    told = b.server("3", "111", again.port, options=["--reannounce", "300ms", "--ack-timeout", "100ms"])
    wait_until(lambda: len(again.announcements) >= 5, "it is told again")
    assert [len(p.said) for p in once] == [2, 2], [p.said for p in once]
    assert told.said("announced to a proxy that does not acknowledge") == 1, "it is logged once"
    for p in (*once, again):
        p.stop()
