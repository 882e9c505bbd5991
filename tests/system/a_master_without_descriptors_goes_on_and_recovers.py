"""Forking a worker and answering on the control socket both fail; the other worker serves on, no storm of
tries or log lines; with the limit lifted all is well again by itself."""
# Not under valgrind: it needs descriptors of its own.
import os
import resource
import signal
import socket
import threading
from lib.bench import Bench, ask, correct, wait_until, workers

with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    kept, lost = workers(server)
    before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{server.pid}/fd"))
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (used - 2, before[1]))
    os.kill(lost, signal.SIGKILL)
    server.wait_for("cannot fork a worker")
    caller = socket.socket(socket.AF_UNIX)
    caller.connect(server.socket)
    server.wait_for("cannot accept on the control socket")
    threading.Event().wait(2)  # the time in which a storm would show
    assert server.alive() and all(correct(ask(proxy)) for _ in range(10))
    assert server.output.count("\n") < 120, server.output
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
    wait_until(lambda: len(workers(server)) == 2, "it recovers", 20)
    caller.close()
