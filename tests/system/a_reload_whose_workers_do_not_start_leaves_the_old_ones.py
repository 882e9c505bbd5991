"""No descriptor is left for new workers: the old ones serve on, and the outcome says so."""
# Not under valgrind: it needs descriptors of its own.
import os
import resource
from lib.bench import Bench, ask, correct, ctl, ctl_run, workers


def leave_free(pid, n):
    """A limit of open files under which so many more can be opened."""
    taken = set(map(int, os.listdir(f"/proc/{pid}/fd")))
    limit = 0
    while n > 0:
        n -= limit not in taken
        limit += 1
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))


with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    for daemon in (proxy, server):
        before = workers(daemon)
        leave_free(daemon.pid, 2)  # the caller's connection, and half of a worker's channel
        status, out, err = ctl_run("-s", daemon.socket, "reload")
        assert status == 1 and "reload: the new workers do not start" in err, (status, out, err)
        assert workers(daemon) == before
        after = ctl(daemon.socket, "status")
        assert after["generation"] == 1 and "do not start" in after["reload_error"] and after["state"] == "running", after
        assert correct(ask(proxy))
