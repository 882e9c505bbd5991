"""Under requests over a Unix socket, each on a connection of its own, and on kept ones: reloads that add, keep, move and remove
addresses, and upgrades, lose none; a successor has the path, and what it does not take is gone with its predecessor."""
import os
import threading
from lib.bench import PROGRAMS, Bench, Daemon, Peer, ask, correct, ctl, ctl_run, request, wait_until


class Load:
    """Asks at the address that `at` names at the time, until it is told to stop."""

    def __init__(self, at, kept):
        self.at, self.kept, self.failed, self.n, self.over = at, kept, [], 0, False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        peer = None
        while not self.over:
            try:
                if peer is None:
                    peer = Peer(self.at)
                reply = peer.ask(request(f"x{self.n}"))
                if reply is None and self.kept:  # between two answers, with notice
                    peer = None
                    continue
                if not correct(reply, f"x{self.n}"):
                    self.failed.append(reply)
                self.n += 1
                if not self.kept:
                    peer.close()
                    peer = None
            except OSError as e:
                if not (self.kept and peer is not None):
                    self.failed.append(e)
                peer = None

    def end(self):
        self.over = True
        self.thread.join()
        assert not self.failed and self.n > 20, (self.n, self.failed[:5])


class Filed(Daemon):
    def __init__(self, b, name):
        super().__init__([f"{PROGRAMS}/ppool-proxy", "-c", name, "--runtime-dir", b.runtime, "--workers", "2"])
        self.port = int(self.wait_for(r'msg="serving" listen="127.0.0.1:(\d+), ')[1])
        self.socket = f"{b.runtime}/ppool-proxy-{self.port}.sock"


with Bench() as b:
    one, two = f"{b.runtime}/one.sock", f"{b.runtime}/two.sock"

    def wants(*listen):
        b.file("p.conf", "listen = { %s }\nworkers = 2\n" % ", ".join(f'"{at}"' for at in listen))

    def reload():
        status, out, err = ctl_run("-s", proxy.socket, "reload")
        assert status == 0, err

    wants("0", f"unix:{one}")
    proxy = b.keep(Filed(b, "p.conf"))
    server = b.server("1", "111", proxy.port, wait=False)
    wait_until(lambda: ctl(proxy.socket, "servers"), "the server")
    loads = [Load(f"unix:{one}", kept) for kept in (False, True)] + [Load(proxy.port, False)]
    for _ in range(2):
        reload()
        assert os.path.exists(one)
    wants("0", f"unix:{two}", f"unix:{one}")
    reload()
    assert correct(ask(f"unix:{two}"))
    proxy.upgrade()
    assert correct(ask(f"unix:{two}"))
    proxy.upgrade()
    wants("0", f"unix:{one}")
    reload()
    assert not os.path.exists(two), "an address that goes takes its path along"
    assert ctl(proxy.socket, "status")["listen"] == f"127.0.0.1:{proxy.port}, unix:{one}"
    for load in loads:
        load.end()
    # What the successor does not take goes with the predecessor.
    wants("0", f"unix:{two}")
    former = proxy.pid
    proxy.upgrade()
    assert correct(ask(f"unix:{two}"))
    wait_until(lambda: not os.path.exists(one), "the path that nobody listens at any more is removed")
    assert server.stop() == 0
    assert proxy.stop() == 0
    assert not os.path.exists(two)
