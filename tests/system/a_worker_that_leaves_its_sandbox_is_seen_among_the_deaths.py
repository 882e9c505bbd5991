"""A worker is made to call what serving does not need, as one that was taken over would; the kernel ends it, `deaths` and `workers`
say of what, and another serves in its place."""
import ctypes
import os
import platform
import signal
from lib.bench import SLOW, Bench, ask, correct, ctl, ctl_run, wait_until, workers
from lib.needs import skip

ATTACH, DETACH, GETREGS, SETREGS = 16, 17, 12, 13
RAX, RIP, ORIG_RAX = 10, 16, 15  # of struct user_regs_struct
FORK = 57


def trace(request, pid, data=None):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid), None, data) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def make_fork(pid):
    """It waits in a system call: that instruction is done again, with another number."""
    trace(ATTACH, pid)
    os.waitpid(pid, 0x40000000)  # __WALL
    registers = (ctypes.c_ulonglong * 27)()
    trace(GETREGS, pid, registers)
    assert registers[ORIG_RAX] < 1 << 32, "not in a system call"
    registers[RIP] -= 2
    registers[RAX], registers[ORIG_RAX] = FORK, (1 << 64) - 1
    trace(SETREGS, pid, registers)
    trace(DETACH, pid)


if SLOW > 1:
    skip("no filter of system calls under a sanitizer or valgrind")

with Bench() as b:
    proxy = b.proxy(options=["--isolation", "strict"])
    server = b.server("1", "111", proxy, options=["--isolation", "strict"])
    for daemon in (proxy, server):
        victim, stays = workers(daemon)
        try:
            if platform.machine() != "x86_64":
                raise OSError("other registers")
            make_fork(victim)
        except OSError:  # nobody may trace here: the signal is what the kernel would send
            os.kill(victim, signal.SIGSYS)
        wait_until(lambda: victim not in workers(daemon) and len(workers(daemon)) == 2, "another in its place")
        death = ctl(daemon.socket, "deaths")[0]
        assert (death["pid"], death["why"], death["exit"]) == (victim, "sandbox violation", "signal 31 SYS"), death
        assert "sandbox violation" in ctl_run("-s", daemon.socket, "deaths")[1]
        assert stays in workers(daemon) and correct(ask(proxy))
        assert "sandbox violation" in [w["last_why"] for w in ctl(daemon.socket, "workers")]
        daemon.wait_for('why="sandbox violation"')
