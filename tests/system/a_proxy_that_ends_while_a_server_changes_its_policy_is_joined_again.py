"""A reload changes a server's policy; while a client still holds a worker of the former one, the proxy's process is killed.  The
server says which proxy it has lost, and joins the next one there under the policy that is in force by then.  (Under a
sanitizer this shows whatever the registration borrows from settings that a reload has freed.)"""
import signal
import threading
from lib.bench import PROGRAMS, Bench, Daemon, Peer, ctl, free_port, request, wait_until


class Asker(threading.Thread):
    """Asks over one connection without a pause, so that a draining worker keeps it."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.peer, self.over = Peer(port), threading.Event()

    def run(self):
        while not self.over.wait(0.005):
            self.peer.ask(request())
        self.peer.close()


with Bench() as b:
    proxy = b.proxy()
    port = free_port()

    def settings(policy):
        return b.file("s.conf", f'policy = "{policy}"\nrevproc = "{proxy.port}"\nretry_min = 50ms\nretry_max = 200ms\nworkers = 1\n')

    s = b.keep(Daemon([f"{PROGRAMS}/ppool-server", "-id", "100", "-listen", str(port), "-c", settings("111"), "--stop-timeout", "60s", "--narrate", "no",
                       "--runtime-dir", b.runtime]))
    s.socket = f"{b.runtime}/ppool-server-100.sock"
    proxy.wait_server("100", policy="111")
    asker = Asker(port)
    asker.start()
    try:
        settings("222")
        s.send_signal(signal.SIGHUP)
        s.wait_for(r'msg="serving" id=100 policy=222')
        proxy.kill_group()
        s.wait_for(rf'msg="not registered with the proxy" proxy={proxy.port} ')
        wait_until(lambda: ctl(s.socket, "status")["registration"] == "pausing", "the server has noticed")
        second = b.proxy(port=proxy.port)
        second.wait_server("100")
    finally:
        asker.over.set()
        asker.join()
    second.wait_server("100", policy="222")
