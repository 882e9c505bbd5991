"""Garbage, half a line, two answers, one before it is asked, one for another job, words that nobody asked for, answers that are no text:
all others get their own answers, each of the sick ones one of its own, and the log has who and why."""
from lib.bench import Bench
from lib.misbehaving import PROXY, TIMEOUT, each_end_is_told, failure_is_told, lines, nothing_left_but, processes, settings, under_load
from lib.quiet import books, quiet

FAILED = {"handler-failed"}
# What the client may be told; of those that answer first and misbehave later the answer counts.  A payload that does it again is refused.
MODES = {"garbage": FAILED, "half": {"handler-timeout", "handler-failed"}, "foreign": FAILED, "nonsense": FAILED, "bad_utf8": FAILED, "surrogate": FAILED,
         "twice": {"answered"} | FAILED, "early": {"answered"} | FAILED, "mutters": {"answered"} | FAILED, "large": FAILED}

FAILURES = {"half": "timeout", "large": "failed"}  # others' cause: protocol
# Of those that go on: the answer was none, and the process can be trusted with another job.
LIVE = {"nonsense", "bad_utf8", "surrogate"}
AGAIN = {"garbage", "foreign", "twice", "early"}  # its own doing, each time
LATER = {"twice", "early", "mutters"}  # the job in hand may be of anybody by then

with Bench() as b:
    proxy = b.proxy(options=PROXY)
    server = b.server("100", "111", proxy, options=settings(timeout=3 * TIMEOUT))
    processes(server)
    before = books(server)
    for mode, wanted in MODES.items():
        since = len(server.output)
        got = under_load(proxy, f"sick:{mode}", sick=40)
        assert got and set(got) <= wanted, (mode, got)
        if mode in AGAIN:
            refused = lines(server, 'msg="job refused"', " srcid=ill ", "cause=struck", since=since)
            assert refused, (mode, got)  # it does not end one process after the other
        if mode not in LATER:
            failure_is_told(server, "ill", FAILURES.get(mode, "protocol"), since=since)
        if mode not in LIVE:
            each_end_is_told(server, "timeout" if mode == "half" else "protocol", None if mode in LATER else "ill", since=since)
        nothing_left_but(server)
    quiet(proxy)
    quiet(server, since=before)
