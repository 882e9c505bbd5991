"""Signals by name and the reason, in workers and in deaths; and a worker is seen at work."""
import os
import signal
from lib.bench import Bench, ask, correct, ctl, wait_until, workers

with Bench() as b:
    server = b.server("1", "111", None, workers=2, options=["--worker-timeout", "1s"])
    assert all(correct(ask(server)) for _ in range(20))
    ends = [(signal.SIGKILL, "died", "signal 9 KILL"), (signal.SIGABRT, "died", "signal 6 ABRT"),
            (signal.SIGSYS, "sandbox violation", "signal 31 SYS"), (signal.SIGQUIT, "died", "code 0"),
            (signal.SIGSTOP, "hung", "signal 9 KILL")]
    for number, (sig, why, how) in enumerate(ends, 1):
        pid = next(w["pid"] for w in ctl(server.socket, "workers") if w["slot"] == 0)
        os.kill(pid, sig)

        def replaced():
            return [w for w in ctl(server.socket, "workers") if w["slot"] == 0 and w["state"] == "ready" and w["pid"] != pid]
        now = wait_until(replaced, f"a successor of the one that got {sig}")[0]
        assert (now["last_why"], now["last_exit"], now["restarts"]) == (why, how, number), now
        last = ctl(server.socket, "deaths")[0]
        assert (last["why"], last["exit"], last["pid"], last["slot"]) == (why, how, pid, 0), last
    other = next(w for w in ctl(server.socket, "workers") if w["slot"] == 1)
    assert other["restarts"] == 0 and other["last_exit"] is None and other["last_why"] is None, other
    keys = {"pid", "state", "age_s", "requests", "in_flight", "connections", "restarts", "last_exit", "last_why", "cpu_s", "rss_kib",
            "heartbeat_ms"}
    assert keys <= set(other) and other["rss_kib"] > 0 and other["heartbeat_ms"] < 5000, other
    assert len(workers(server)) == 2 and correct(ask(server))
