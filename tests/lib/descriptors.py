"""Descriptors of another process, by the right that a parent or root has."""
import ctypes
import errno
import os
import resource
import socket

PIDFD_GETFD = 438


def copies(pid):
    """Copies of all that it has open, one after the other; the caller's to close."""
    process = os.pidfd_open(pid)
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            fd = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, process, int(name), 0)
            error = ctypes.get_errno()
            assert fd >= 0 or error == errno.EBADF, os.strerror(error)  # EBADF: closed since
            if fd >= 0:
                yield fd
    finally:
        os.close(process)


def socket_of(pid, wanted):
    """A copy of the first of its sockets for which wanted() is true, or None."""
    found = None
    for fd in copies(pid):
        if found is None and os.readlink(f"/proc/self/fd/{fd}").startswith("socket:"):
            s = socket.socket(fileno=fd)
            if wanted(s):
                found = s
            else:
                s.close()
        else:
            os.close(fd)
    return found


def leave_free(pid, n, raisable=False):
    """A limit of open files under which so many more can be opened, and which the process may raise again or not; the limits
    before."""
    taken = set(map(int, os.listdir(f"/proc/{pid}/fd")))
    limit = 0
    while n > 0:
        n -= limit not in taken
        limit += 1
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, before[1] if raisable else limit))
    return before
