"""An endless loop, silence and a process that no signal ends: its client is told at job_timeout, the process is ended, and nobody else
waits any longer or gets a wrong answer."""
from lib.bench import Bench
from lib.misbehaving import PROXY, TIMEOUT, each_end_is_told, failure_is_told, nothing_left_but, processes, settings, under_load
from lib.quiet import books, quiet

with Bench() as b:
    proxy = b.proxy(options=PROXY)
    server = b.server("100", "111", proxy, options=settings(timeout=TIMEOUT))
    processes(server)
    before = books(server)
    for mode, exit in {"loops": "signal 6", "mute": "signal 6", "stubborn": "signal 9"}.items():
        since = len(server.output)
        got = under_load(proxy, f"sick:{mode}")
        assert got.get("handler-timeout", 0) >= 1 and set(got) <= {"handler-timeout", "handler-failed"}, (mode, got)
        failure_is_told(server, "ill", "timeout", since=since)
        each_end_is_told(server, "timeout", "ill", exit, since=since)
        nothing_left_but(server)
    quiet(proxy)
    quiet(server, since=before)
