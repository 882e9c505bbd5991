import signal
from lib.bench import Bench, ask, correct, ctl, ctl_run, wait_until, workers

with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    for daemon in (proxy, server):
        for order, wanted in ((["scale", "5"], 5), (["scale", "1"], 1), (signal.SIGTTIN, 2), (signal.SIGTTIN, 3), (signal.SIGTTOU, 2)):
            if isinstance(order, list):
                status, out, err = ctl_run("-s", daemon.socket, *order)
                assert status == 0 and str(wanted) in out, (status, out, err)
            else:
                daemon.send_signal(order)
            wait_until(lambda: len(workers(daemon)) == wanted and len(ctl(daemon.socket, "workers")) == wanted, f"{wanted} workers")
            assert ctl(daemon.socket, "status")["workers"] == {"wanted": wanted, "ready": wanted}
            assert correct(ask(proxy))
        for bad in (["scale"], ["scale", "0"], ["scale", "100000"], ["scale", "x"], ["scale", "-1"], ["recycle", "99"], ["recycle"], ["stop", "later"]):
            status, out, err = ctl_run("-s", daemon.socket, *bad)
            assert status == 1 and bad[0] in err, (bad, status, out, err)
    slot = ctl(server.socket, "workers")[0]["slot"]
    before = workers(server)
    status, out, err = ctl_run("-s", server.socket, "recycle", slot)
    assert status == 0, err
    wait_until(lambda: sorted(pid in before for pid in workers(server)) == [False, True], "one is new")
    status, out, err = ctl_run("-s", server.socket, "stop")
    assert status == 0 and server.wait() == 0
    assert ctl_run("-s", proxy.socket, "stop", "now")[0] == 0 and proxy.wait() == 0
