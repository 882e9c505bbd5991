"""On both daemons, by order and by USR2: port, pidfile and its lock, control socket; the former process ends, but for the one that
was started in front, which has nothing of it any more and ends with the last; and that as often as one likes."""
import fcntl
import os
import signal
from lib.bench import Bench, ask, correct, ctl, ctl_run, runs, wait_until, workers

with Bench() as b:
    pidfile = {name: os.path.join(b.runtime, name) for name in ("p.pid", "s.pid")}
    proxy = b.proxy(options=["--pidfile", pidfile["p.pid"]])
    server = b.server("1", "111", proxy, options=["--pidfile", pidfile["s.pid"]])
    for daemon, name in ((proxy, "p.pid"), (server, "s.pid")):
        started = daemon.pid
        for by_signal in (False, True, False):
            former, old = daemon.pid, set(workers(daemon))
            if by_signal:
                daemon.send_signal(signal.SIGUSR2)
                daemon.upgraded(former)
            else:
                daemon.upgrade()
            assert correct(ask(proxy))
            assert not old & set(workers(daemon))
            wait_until(lambda: open(pidfile[name]).read() == f"{daemon.pid}\n", "the pidfile is the successor's")
            wait_until(lambda: former == started or not runs(former), "the former one's end")
            with open(pidfile[name], "r+") as f:
                try:
                    fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    raise AssertionError("the lock is lost")
                except OSError:
                    pass
            assert ctl(daemon.socket, "status")["pid"] == daemon.pid, "the socket is still there"
            assert correct(ask(proxy))
        assert runs(started)
    assert server.stop() == 0
    proxy.wait_server("1", present=False)
    assert proxy.stop() == 0
    assert os.listdir(b.runtime) == [], "nothing is left behind"
