"""Where a service manager is told which process is in charge, the former master is killed while its workers drain: they end, and the
successor has all it needs."""
import os
import signal
import socket
from lib.bench import FOLDER, Bench, Peer, ask, correct, ctl, request, runs, wait_until, workers

manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(os.path.join(FOLDER, "notify"))
os.environ["NOTIFY_SOCKET"] = os.path.join(FOLDER, "notify")

with Bench() as b:
    pidfile = f"{b.runtime}/p.pid"
    proxy = b.proxy(options=["--stop-timeout", "60s", "--pidfile", pidfile])
    server = b.server("1", "111", proxy)
    former, old = proxy.pid, workers(proxy)
    with Peer(proxy) as p:
        assert correct(p.ask(request()))
        p.send(request()[:5])  # half a request keeps its worker
        proxy.upgrade()
        assert runs(former)
        os.kill(former, signal.SIGKILL)
        proxy.process.wait()
        wait_until(lambda: not any(map(runs, old)), "the end of the former workers")
    assert correct(ask(proxy))
    wait_until(lambda: open(pidfile).read() == f"{proxy.pid}\n", "the pidfile")
    assert ctl(proxy.socket, "status")["pid"] == proxy.pid
    proxy.upgrade()
    assert correct(ask(proxy))
    assert server.stop() == 0
    b.started.remove(proxy)
    assert proxy.stop() == -signal.SIGKILL  # the first one's status; the last one's end is waited for
