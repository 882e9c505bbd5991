"""A worker of an upgraded daemon, detached or in front, writes its warnings behind its filter of system calls: to a file, a FIFO without a
reader, syslog that may not be there, the file of a daemon that was told nothing, and standard error that is a pipe, a file, a FIFO or a
terminal.  After an upgrade, and a reload of the upgraded one, none has died."""
import os
import pty
import signal
import subprocess
from lib import silent
from lib.bench import FOLDER, PROGRAMS, SLOW, Bench, Peer, ctl, ctl_run, free_port, runs, wait_until
from lib.needs import has_pty

ROUNDS = 8


def junk(port):
    """The answers."""
    got = []
    for _ in range(ROUNDS):
        with Peer(port) as p:
            got.append(p.ask(b"nonsense\n"))
    return got


def order(socket, verb):
    status, out, err = ctl_run("-s", socket, verb)
    assert status == 0, (verb, out, err)


def dies_not(socket, port, what):
    for verb in (None, "upgrade", "reload", "upgrade"):
        former = ctl(socket, "status")["pid"]
        if verb:
            order(socket, verb)
        if verb == "upgrade":
            wait_until(lambda: ctl(socket, "status")["pid"] != former, "a successor")
        wait_until(lambda: all(w["state"] == "ready" for w in ctl(socket, "workers")), "workers that serve")
        answers = junk(port)
        wait_until(lambda: len(ctl(socket, "workers")) == 2, "the former workers' end")
        died = [d for d in ctl(socket, "deaths") if d["why"] != "on request"]
        assert not died, (what, verb, died)
        assert all(answers), (what, verb, answers)


def argv_of(program, port):
    if program == "ppool-proxy":
        return ["-port", port, "--state-file", "none"], f"ppool-proxy-{port}"
    return ["-id", "1", "-pp", "111", "-listen", port], "ppool-server-1"


def detached(b, program, log, stderr):
    port = free_port()
    argv, name = argv_of(program, port)
    p = silent.start([f"{PROGRAMS}/{program}", "-d", *argv, "--workers", 2, "--runtime-dir", b.runtime, *log], stderr=stderr)
    assert p.wait(60 * SLOW) == 0, (program, log)
    socket = f"{b.runtime}/{name}.sock"
    try:
        dies_not(socket, port, (program, log))
    finally:
        pid = ctl(socket, "status")["pid"]
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not runs(pid), "its end")


def in_front(b, program, log, stderr):
    port = free_port()
    argv, name = argv_of(program, port)
    p = silent.start([f"{PROGRAMS}/{program}", *argv, "--workers", 2, "--runtime-dir", b.runtime, *log], stdout=subprocess.DEVNULL,
                     stderr=stderr)
    socket = f"{b.runtime}/{name}.sock"
    silent.up(socket, p)
    try:
        dies_not(socket, port, (program, log, "in front"))
    finally:
        p.terminate()  # who stays as the parent of its successors
        assert p.wait(20 * SLOW) == 0


with Bench() as b:
    fifo = os.path.join(FOLDER, "fifo")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    of_pipe, to_pipe = os.pipe()
    terminal, behind = pty.openpty() if has_pty() else (None, None)
    to_file = os.open(os.path.join(FOLDER, "stderr"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    to_fifo = os.open(fifo, os.O_WRONLY)
    log = os.path.join(FOLDER, "log")
    for program in ("ppool-proxy", "ppool-server"):
        for target in (["--log", log], ["--log", fifo], ["--log", "syslog"], ["--log", "stderr"], []):
            detached(b, program, target, to_file)
        for stderr in filter(None, (to_pipe, to_fifo, behind, to_file)):
            in_front(b, program, [], stderr)
        in_front(b, program, ["--log", log], to_pipe)
    with open(log) as f:
        assert 'msg="packet refused"' in f.read(), "no warning was written at all"
