"""The binary has become a wrapper that does not exec the daemon.  What serves then is no process that anybody who watches would know:
the upgrade is refused; and when the wrapper is killed before, the daemon behind it ends, for the former one lives."""
import contextlib
import os
import shutil
import signal
import lib.bench
from lib.bench import FOLDER, Bench, ask, correct, ctl, ctl_run, runs, wait_until, workers


def goes_on(pid):
    """It may have stopped itself, or be about to."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    return runs(pid)


def behind(daemon, program, text):
    with open(f"{FOLDER}/{program}", "w") as f:
        f.write(text)
    os.chmod(f"{FOLDER}/{program}", 0o755)
    before = daemon.pid, workers(daemon)
    status, out, err = ctl_run("-s", daemon.socket, "upgrade")
    assert status == 1, (out, err)
    with open(f"{FOLDER}/{program}.pid") as f:
        successor = int(f.read())
    wait_until(lambda: not goes_on(successor), "the end of the one behind the wrapper")
    assert (ctl(daemon.socket, "status")["pid"], workers(daemon)) == before
    return err


with Bench() as b:
    real = lib.bench.PROGRAMS
    for program in ("ppool-proxy", "ppool-server"):
        shutil.copy(f"{real}/{program}", FOLDER)
    lib.bench.PROGRAMS = FOLDER
    proxy = b.proxy(options=["--pidfile", f"{b.runtime}/p.pid"])
    server = b.server("1", "111", proxy, wait=False)
    lib.bench.PROGRAMS = real
    proxy.wait_server("1")
    for daemon, program in ((proxy, "ppool-proxy"), (server, "ppool-server")):
        os.unlink(f"{FOLDER}/{program}")
        start = f"#!/bin/sh\n{real}/{program} \"$@\" &\necho $! >{FOLDER}/{program}.pid\n"
        assert "a wrapper has to exec" in behind(daemon, program, start + "wait\n")
        # Killed before the daemon behind it has begun: that one waits until behind() lets it go on.
        start = f"#!/bin/sh\nsh -c 'kill -STOP $$; exec {real}/{program} \"$@\"' {program} \"$@\" &\necho $! >{FOLDER}/{program}.pid\n"
        assert "signal 9" in behind(daemon, program, start + "kill -9 $$\n")
        assert correct(ask(proxy)) and ctl(daemon.socket, "status")["state"] == "running"
        assert proxy.servers()["1"]["addr"] == f"127.0.0.1:{server.port}"
    with open(f"{b.runtime}/p.pid") as f:
        assert int(f.read()) == proxy.pid
