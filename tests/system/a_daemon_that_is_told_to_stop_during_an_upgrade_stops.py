"""TERM, or ppool-ctl stop, while a successor starts ends both: no successor takes over what is to stop.  And one whose upgrade has failed,
for the process between the two was killed, ends at once: it would serve with a registry that nobody keeps."""
import concurrent.futures
import os
import shutil
import signal
import socket
import lib.bench
from lib.bench import FOLDER, Bench, ask, correct, ctl, ctl_run, runs, wait_until

REAL = lib.bench.PROGRAMS


def bar(program):
    """From now on the binary waits before it becomes the daemon; where its pid will stand."""
    binary, said = f"{FOLDER}/{program}", f"{FOLDER}/{program}.pid"
    os.unlink(binary)
    with open(binary, "w") as f:
        f.write(f"#!/bin/sh\necho $$ >{said}.new\nmv {said}.new {said}\nexec sleep 600\n")
    os.chmod(binary, 0o755)
    return said


def open_again(program):
    os.unlink(f"{FOLDER}/{program}")
    shutil.copy(f"{REAL}/{program}", FOLDER)


def successor(said):
    pid = wait_until(lambda: os.path.exists(said) and int(open(said).read()), "the successor")
    os.unlink(said)
    return pid


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        return int(f.read().rpartition(")")[2].split()[1])


def start(b, program):
    lib.bench.PROGRAMS = FOLDER
    daemon = b.proxy() if program == "ppool-proxy" else b.server("1", "111", None)
    lib.bench.PROGRAMS = REAL
    return daemon


def stopped(b, program, by_ctl):
    daemon = start(b, program)
    said = bar(program)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ctl_run, "-s", daemon.socket, "upgrade")
        pid = successor(said)
        if by_ctl:
            assert ctl_run("-s", daemon.socket, "stop")[0] == 0
        else:
            daemon.send_signal(signal.SIGTERM)
        status, _, err = asked.result()
        assert status != 0, err
    assert daemon.wait() == 0, daemon.output
    wait_until(lambda: not runs(pid), "the end of the successor")
    assert not os.path.exists(daemon.socket) and "upgraded; this" not in daemon.output
    open_again(program)


with Bench() as b:
    for program in ("ppool-proxy", "ppool-server"):
        shutil.copy(f"{REAL}/{program}", FOLDER)
    for program in ("ppool-proxy", "ppool-server"):
        for by_ctl in (False, True):
            stopped(b, program, by_ctl)

    # Below a process that stays the line to that one goes on, too.
    proxy = start(b, "ppool-proxy")
    b.server("1", "111", proxy)
    proxy.upgrade()
    said = bar("ppool-proxy")
    proxy.send_signal(signal.SIGUSR2)
    pid = successor(said)
    os.kill(parent_of(pid), signal.SIGKILL)
    wait_until(lambda: not runs(pid), "the end of the successor")
    wait_until(lambda: "upgrade_error" in ctl(proxy.socket, "status"), "the failure's being told")
    open_again("ppool-proxy")
    proxy.upgrade()
    assert correct(ask(proxy))

# Told by a service manager, which stops what it knows as the main process.
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(os.path.join(FOLDER, "notify"))
os.environ["NOTIFY_SOCKET"] = os.path.join(FOLDER, "notify")
with Bench() as b:
    stopped(b, "ppool-proxy", by_ctl=False)
