import os
import signal
from lib.bench import Bench, ask, correct, free_port, wait_until, workers


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


# One of them is stopped, and can do nothing for its own end; nothing of what they had hinders the next start.
with Bench() as b:
    pidfile = os.path.join(b.runtime, "p.pid")
    proxy = b.proxy(options=["--pidfile", pidfile])
    server = b.server("1", "111", proxy)
    for daemon in (server, proxy):
        children = workers(daemon)
        os.kill(children[0], signal.SIGSTOP)
        daemon.send_signal(signal.SIGKILL)
        daemon.wait()
        wait_until(lambda: all(map(gone, children)), "the workers' end")
        b.started.remove(daemon)
    assert os.path.exists(proxy.socket) and os.path.exists(pidfile), "a master that is killed cleans nothing up"
    again = b.proxy(port=proxy.port, options=["--pidfile", pidfile])
    b.server("1", "111", again, port=server.port)
    assert correct(ask(again))
    assert again.socket == proxy.socket and open(pidfile).read() == f"{again.pid}\n"
