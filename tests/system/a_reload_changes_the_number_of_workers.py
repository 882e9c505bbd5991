from lib.bench import Bench, ask, correct, ctl, ctl_run, wait_until

with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    for daemon in (proxy, server):
        assert ctl_run("-s", daemon.socket, "scale", "5")[0] == 0
        wait_until(lambda: ctl(daemon.socket, "status")["workers"] == {"wanted": 5, "ready": 5}, "five workers")
        status, out, err = ctl_run("-s", daemon.socket, "reload")
        assert status == 0, err
        wait_until(lambda: ctl(daemon.socket, "status")["workers"] == {"wanted": 2, "ready": 2}
                   and len(ctl(daemon.socket, "workers")) == 2, "as many as the settings say")
        assert correct(ask(proxy))
