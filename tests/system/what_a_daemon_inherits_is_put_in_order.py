"""Started by a program that has blocked and ignored every signal, with a timer that runs, no standard input and any umask: workers that
end are seen, orders are obeyed, signals that nobody means kill nobody; so is the successor after an upgrade."""
import os
import re
import resource
import signal
import subprocess
from lib.bench import PROGRAMS, WRAP, FOLDER, Bench, Daemon, ctl, ctl_run, runs, wait_until, workers

MEANT = {signal.SIGKILL, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1,
         signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCHLD}
FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS}
UNMEANT = set(signal.Signals) - MEANT - FAULTS


def spoil():
    for sig in signal.Signals:
        if sig not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(sig, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
    os.umask(0)
    soft = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (3600, soft))


def status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)


def check(daemon):
    """The process that is the daemon now."""
    seen = status(daemon.pid)
    ignored = int(seen["SigIgn"], 16)
    assert int(seen["SigBlk"], 16) == 0, seen["SigBlk"]
    assert not any(ignored >> sig - 1 & 1 for sig in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)), seen["SigIgn"]
    assert int(seen["Umask"], 8) & 0o22 == 0o22, seen["Umask"]
    for pid in [daemon.pid, *workers(daemon)]:
        assert int(status(pid)["SigBlk"], 16) == 0
        for sig in UNMEANT:
            os.kill(pid, sig)
    worker = workers(daemon)[0]
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: not os.path.exists(f"/proc/{worker}"), "the end of the zombie")
    wait_until(lambda: len(workers(daemon)) == 2 and worker not in workers(daemon), "a new worker")
    pid = daemon.pid
    assert runs(pid) and len(workers(daemon)) == 2 and ctl(daemon.socket, "status")["pid"] == pid, "a signal that nobody means killed it"
    before = ctl(daemon.socket, "status")["generation"] if "generation" in ctl(daemon.socket, "status") else None
    daemon.send_signal(signal.SIGTTIN)
    wait_until(lambda: len(workers(daemon)) == 3, "what SIGTTIN orders")
    assert ctl_run("-s", daemon.socket, "scale", "2")[0] == 0
    wait_until(lambda: len(workers(daemon)) == 2, "two workers")


with Bench() as b:
    for argv, name in ((["ppool-proxy", "-port", "0"], "ppool-proxy-{}"), (["ppool-server", "-id", "1", "-pp", "111", "-listen", "0"],
                                                                          "ppool-server-1")):
        d = b.keep(Daemon([f"{PROGRAMS}/{argv[0]}", *argv[1:], "--workers", "2", "--runtime-dir", b.runtime, "--isolation", "unfiltered"], preexec_fn=spoil))
        port = d.wait_for(r'msg="serving" .*listen=\S+:(\d+) ')[1]
        d.socket = f"{b.runtime}/{name.format(port)}.sock"
        wait_until(lambda: ctl(d.socket, "status")["state"] == "running", "it")
        check(d)
        d.upgrade()
        wait_until(lambda: len(workers(d)) == 2, "its workers")
        check(d)
        assert d.stop() == 0
        b.started.remove(d)
    # A command ends when it is told to.
    proxy, = [b.proxy()]
    load = subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", "111", "--duration", "60s", "--payload", "x",
                             "--json"], preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals()),
                            stdout=subprocess.DEVNULL)
    wait_until(lambda: ctl(proxy.socket, "status")["accepted"] > 0, "the client")
    load.terminate()
    load.wait(20)
