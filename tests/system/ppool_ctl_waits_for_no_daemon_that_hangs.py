"""A daemon that is stopped takes no connection, and its backlog is full: ppool-ctl says after seconds that it does not answer, also where it
has to find it first, and for an order that takes its time; an order whose caller has given up is not carried out afterwards."""
import json
import os
import signal
import socket
from lib.bench import Bench, ctl, ctl_run, wait_until, workers

with Bench() as b:
    proxy = b.proxy()
    os.kill(proxy.pid, signal.SIGSTOP)
    callers = []
    try:
        while True:
            callers.append(socket.socket(socket.AF_UNIX))
            callers[-1].setblocking(False)
            try:
                callers[-1].connect(proxy.socket)
            except BlockingIOError:
                break
        for target in (["-s", proxy.socket], ["-r", b.runtime], ["-r", b.runtime, "-p", str(proxy.port)]):
            status, out, err = ctl_run(*target, "status")
            assert status == 3 and "no answer in time" in err, (target, status, out, err)
        status, out, err = ctl_run("-r", b.runtime, "list")
        assert status == 0 and f"ppool-proxy-{proxy.port}" in out, (status, out, err)
    finally:
        for c in callers:
            c.close()
        os.kill(proxy.pid, signal.SIGCONT)
    wait_until(lambda: ctl_run("-s", proxy.socket, "status")[0] == 0, "the daemon's answer")

    # Before each of these the connection is taken by the kernel, and nobody answers.
    server = b.server("1", "111", proxy)
    for daemon, *orders in ((proxy.upgrade(), ["stop"], ["reload"], ["scale", "3"]), (server, ["upgrade"], ["recycle", "0"])):
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            for order in orders:
                status, out, err = ctl_run("-s", daemon.socket, *order)
                assert status == 3 and "no answer in time" in err, (order, status, out, err)
            status, out, err = ctl_run("-r", b.runtime, "--json", "list")
            row = [r for r in json.loads(out) if daemon.socket.endswith(f"/{r['name']}.sock")][0]
            assert row["state"] == "no answer" and row["pid"] == daemon.pid, row
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        wait_until(lambda: ctl_run("-s", daemon.socket, "status")[0] == 0, "the daemon's answer")
        assert ctl(daemon.socket, "status")["state"] == "running" and len(workers(daemon)) == 2, ctl(daemon.socket, "status")
    assert proxy.said("request not carried out\" request=stop")
