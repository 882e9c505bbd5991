"""A segfault, an abort and an exit in the middle of a job, while half of 64 connections ask for it: the others' answers are all there
and right, each of the sick ones has an error, and after two strikes the payload is refused unrun."""
from lib.bench import Bench, ctl, wait_until
from lib.misbehaving import PROXY, each_end_is_told, lines, nothing_left_but, processes, settings, under_load
from lib.quiet import books, quiet

with Bench() as b:
    proxy = b.proxy(options=PROXY)
    server = b.server("100", "111", proxy, options=settings())
    processes(server)
    before = books(server)
    for mode, exit in {"segfault": "signal 11", "abort": "signal 6", "leaves": "code 0"}.items():
        got = under_load(proxy, f"sick:{mode}")
        assert set(got) == {"handler-failed"}, (mode, got)
        wait_until(lambda: lines(server, "job failed", "srcid=ill", "cause="), "a line with the cause and the client")
        each_end_is_told(server, "ended", "ill", exit)
        nothing_left_but(server)
    strikes = ctl(server.socket, "strikes")
    assert len(strikes) == 3 and all(s["refused"] and s["srcid"] == "ill" for s in strikes), strikes
    quiet(proxy)
    quiet(server, since=before)
