"""A change of policy is forgotten when its workers do not start: the next reload does not wait for workers of a policy that was never in
force, and nobody answers for one."""
# Not under valgrind: it needs descriptors of its own.
import os
import socket
from lib.bench import PROGRAMS, Bench, Daemon, Peer, ask, correct, ctl, ctl_run, request, wait_until, workers
from lib.descriptors import leave_free

CALLERS = 40  # connections to the control socket: the limit has room for the settings, the process has not until they close


with Bench() as b:
    proxy = b.proxy()
    path = b.file("server.conf", "")

    def configure(policy, weight):
        b.file("server.conf", f'id = 1\npolicy = {policy}\nweight = {weight}\nlisten = 0\nrevproc = {proxy.port}\nstop_timeout = 5m\n')

    configure(111, 1)
    server = b.keep(Daemon([f"{PROGRAMS}/ppool-server", "-c", path, "--runtime-dir", b.runtime, "--workers", "2"]))
    server.port = int(server.wait_for(r'msg="serving" id=.* listen=\S+:(\d+) ')[1])
    server.socket = f"{b.runtime}/ppool-server-1.sock"
    proxy.wait_server("1")

    configure(222, 1)
    callers = [socket.socket(socket.AF_UNIX) for _ in range(CALLERS)]
    for caller in callers:
        caller.connect(server.socket)
    ctl(server.socket, "status")  # those that connected before have been accepted
    leave_free(server.pid, 2)  # the caller's connection, and half of a worker's channel
    status, out, err = ctl_run("-s", server.socket, "reload")
    assert status == 1 and "the new workers do not start" in err, (status, out, err)
    for caller in callers:
        caller.close()
    for pid in workers(server):  # those to come have the settings before
        os.kill(pid, 9)
        wait_until(lambda: pid not in workers(server) and len(workers(server)) == 2, "another worker")
    assert correct(ask(proxy))
    wait_until(lambda: len(ctl(server.socket, "workers")) == 2, "the end of a new worker that could start")
    with Peer(server.port) as peer:
        got = peer.ask(request(policy="222"))
        assert got.get("code") == "unknown-policy", got

    configure(111, 2)
    with Peer(server.port) as held:
        held.send(request()[:-2])
        wait_until(lambda: sum(w["connections"] for w in ctl(server.socket, "workers")) > 0, "the half request's connection")
        status, out, err = ctl_run("-s", server.socket, "reload")  # which would not answer while a former worker drains
        assert status == 0 and "reloaded" in out, (status, out, err)
        proxy.wait_server("1", weight=2)
        held.send(request()[-2:])
        assert correct(held.read())
