"""In front and with nobody to tell, the process that was started stays as the parent of the masters that follow: it passes signals
on, ends as the master in charge ends, and is not outlived by it.  Without children of its own it costs next to nothing."""
import os
import signal
from lib.bench import Bench, Peer, ask, correct, ctl, ctl_run, request, runs, wait_until, workers


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        return int(f.read().rpartition(")")[2].split()[1])


def title(pid):
    with open(f"/proc/{pid}/cmdline") as f:
        return f.read().rstrip("\0")


def start(b, program):
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    return (proxy if program == "proxy" else server), proxy, server


for program in ("proxy", "server"):
    with Bench() as b:
        daemon, proxy, server = start(b, program)
        started = daemon.pid
        for _ in range(3):
            former, old = daemon.pid, workers(daemon)
            daemon.upgrade()
            wait_until(lambda: not any(map(runs, old)), "the end of the former workers")
            wait_until(lambda: former == started or not runs(former), "the end of the former master")
            assert parent_of(daemon.pid) == started and runs(started)
            assert correct(ask(proxy))
        wait_until(lambda: title(started) == f"ppool-{program}: parent of master {daemon.pid}", "its title")
        files = os.listdir(f"/proc/{started}/fd")
        assert len(files) <= 6, [os.readlink(f"/proc/{started}/fd/{f}") for f in files]
        assert ctl(daemon.socket, "status")["parent_pid"] == started
        for pid in (started, daemon.pid):  # which daemon is meant
            assert ctl_run("--pid", pid, "--runtime-dir", b.runtime, "--json", "status")[0] == 0
        assert "no daemon with the pid 1 answers" in ctl_run("--pid", 1, "--runtime-dir", b.runtime, "status")[2]
        # Signals to it are orders to the master in charge.
        os.kill(started, signal.SIGTTIN)
        wait_until(lambda: len(workers(daemon)) == 3, "a third worker")
        os.kill(started, signal.SIGHUP)
        wait_until(lambda: ctl(daemon.socket, "status")["generation"] == 2 and len(workers(daemon)) == 2, "the reload")
        former = daemon.pid
        os.kill(started, signal.SIGUSR2)
        daemon.upgraded(former)
        assert parent_of(daemon.pid) == started and correct(ask(proxy))
        # It ends once the master in charge has, and as that one did.
        with Peer(daemon.port) as p:
            assert correct(p.ask(request()))
            os.kill(started, signal.SIGTERM)
            wait_until(lambda: not runs(daemon.pid), "the end of the master in charge")
        assert daemon.process.wait(20) == 0

    with Bench() as b:
        daemon, proxy, server = start(b, program)
        started = daemon.pid
        daemon.upgrade()
        os.kill(daemon.pid, signal.SIGKILL)
        assert daemon.process.wait(20) == -signal.SIGKILL
        b.started.remove(daemon)

    # Killed, it takes the master in charge along, so that another can be started in its place.
    with Bench() as b:
        daemon, proxy, server = start(b, program)
        started, held = daemon.pid, None
        with Peer(daemon.port) as p:
            p.send(request()[:5])  # while the former workers drain, too
            daemon.upgrade()
            last = workers(daemon)
            os.kill(started, signal.SIGKILL)
            wait_until(lambda: not runs(daemon.pid) and not any(map(runs, last)), "the end of the master in charge")
            daemon.process.wait(20)
        assert not os.path.exists(daemon.socket)
        b.started.remove(daemon)
        again = b.proxy(port=daemon.port) if program == "proxy" else b.server("1", "111", proxy, port=daemon.port)
        proxy = again if program == "proxy" else proxy
        proxy.wait_server("1")
        assert correct(ask(proxy))
