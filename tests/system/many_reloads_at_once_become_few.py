"""One runs, one is remembered; every caller is answered, and in the end there are the workers wanted and no more."""
import concurrent.futures
import signal
from lib.bench import Bench, ask, correct, ctl, ctl_run, wait_until

with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    for daemon in (proxy, server):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(ctl_run, "-s", daemon.socket, "reload") for _ in range(24)]
            for _ in range(100):
                daemon.send_signal(signal.SIGHUP)
            assert all(a.result()[0] == 0 for a in asked), [a.result() for a in asked]
        wait_until(lambda: len(ctl(daemon.socket, "workers")) == 2 and ctl(daemon.socket, "status")["state"] == "running", "two workers")
        assert 1 < ctl(daemon.socket, "status")["generation"] < 60
        assert correct(ask(proxy))
