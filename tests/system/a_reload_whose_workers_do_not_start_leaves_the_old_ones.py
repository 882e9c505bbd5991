"""No descriptor is left for new workers: the old ones serve on, and the outcome says so."""
# Not under valgrind: it needs descriptors of its own.
import socket
from lib.bench import Bench, ask, correct, ctl, ctl_run, workers
from lib.descriptors import leave_free

CALLERS = 40  # connections to the control socket: the limit still has room for the settings, the process has not


with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    for daemon in (proxy, server):
        before = workers(daemon)
        callers = [socket.socket(socket.AF_UNIX) for _ in range(CALLERS)]
        for caller in callers:
            caller.connect(daemon.socket)
        ctl(daemon.socket, "status")  # those that connected before have been accepted
        leave_free(daemon.pid, 2)  # the caller's connection, and half of a worker's channel
        status, out, err = ctl_run("-s", daemon.socket, "reload")
        assert status == 1 and "reload: the new workers do not start" in err, (status, out, err)
        for caller in callers:
            caller.close()
        assert workers(daemon) == before
        after = ctl(daemon.socket, "status")
        assert after["generation"] == 1 and "do not start" in after["reload_error"] and after["state"] == "running", after
        assert correct(ask(proxy))
