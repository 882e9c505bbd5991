"""As soon as a daemon's pid can be known from its pidfile it takes signals: orders are carried out once it serves, a stop stops it."""
import os
import signal
import threading
from lib.bench import FOLDER, PROGRAMS, Bench, Daemon, ctl, free_port, wait_until

ORDERS = (signal.SIGUSR1, signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGALRM, signal.SIGPIPE)
ROUNDS = 3


def pid_in(path):
    try:
        with open(path) as f:
            return int(f.read() or 0)
    except FileNotFoundError:
        return 0


def storm(daemon, path, signals):
    """From the pidfile's appearance on, without a pause."""
    while not (pid := pid_in(path)):
        assert daemon.process.poll() is None, daemon.output
    for _ in range(30):
        for sig in signals:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                return pid
    return pid


with Bench() as b:
    for program in ("ppool-proxy", "ppool-server"):
        for n in range(ROUNDS):
            for signals in [(s,) for s in ORDERS] + [ORDERS, (signal.SIGTERM,), (signal.SIGQUIT,)]:
                path = os.path.join(FOLDER, "pid")
                what = ["-port", "0"] if program == "ppool-proxy" else ["-id", "1", "-pp", "1", "-listen", "0"]
                d = Daemon([f"{PROGRAMS}/{program}", *what, "--pidfile", path, "--runtime-dir", b.runtime, "--workers", "1"])
                pid = storm(d, path, signals)
                assert pid == d.pid, (pid, d.pid)
                if signals[0] in (signal.SIGTERM, signal.SIGQUIT):
                    assert d.wait(30) == 0, (signals, d.process.returncode, d.output)
                    continue
                d.wait_for("serving", 30)
                assert d.alive(), (signals, d.process.returncode, d.output)
                assert d.stop(seconds=40) == 0, (signals, d.process.returncode, d.output)
