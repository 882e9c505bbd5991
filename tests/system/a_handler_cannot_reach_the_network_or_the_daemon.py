"""A job process makes no socket, and as another user than the daemon it can signal none of its processes.  What is
kept from a job process by number is a process of one thread: a signal to another thread's number would reach it too."""
import os
from lib.bench import Bench, client, workers
from lib.misbehaving import PROXY, processes, settings

with Bench() as b:
    proxy = b.proxy(options=PROXY)
    server = b.server("100", "111", proxy, options=settings())
    own = processes(server)
    for pid in (server.pid, *workers(server)):
        assert len(os.listdir(f"/proc/{pid}/task")) == 1, f"process {pid} has threads"
    status, out, err = client(proxy, "--policy", "111", "--payload", "sick:sockets", "--expect", "none")
    assert status == 1 and "handler-failed" in out and "no socket" in out, (status, out, err)
    if os.geteuid() == 0:
        status, out, err = client(proxy, "--policy", "111", "--payload", "sick:shoots", "--expect", "none")
        assert status == 0 and "could signal" in out, (status, out, err)
        hit = {int(word) for word in out.split("could signal", 1)[1].split() if word.isdigit()}
        assert not hit & {server.pid, proxy.pid, os.getpid()}, (hit, server.pid, proxy.pid)
    open_ = b.server("200", "222", proxy, options=settings(handler_network=True))
    processes(open_)
    status, out, err = client(proxy, "--policy", "222", "--payload", "sick:sockets", "--expect", "none")
    assert status == 0 and "a socket: [Errno 111]" in out, (status, out, err)
