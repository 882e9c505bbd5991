import os
import signal
from lib.bench import Bench, ask, correct, free_port, wait_until, workers


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


with Bench() as b:
    pidfile = os.path.join(b.runtime, "p.pid")
    proxy = b.proxy(options=["--pidfile", pidfile])
    server = b.server("1", "111", proxy)
    for daemon in (server, proxy):
        children = workers(daemon)
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        wait_until(lambda: all(map(gone, children)), "the workers' end")
        b.started.remove(daemon)
    again = b.proxy(port=proxy.port, options=["--pidfile", pidfile])
    b.server("1", "111", again, port=server.port)
    assert correct(ask(again))
