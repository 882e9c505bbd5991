"""The new port is open before the old one is given up; a server's is announced; one that is taken is refused."""
import socket
from lib.bench import Bench, Proxy, Server, ask, correct, ctl, ctl_run, free_port, wait_until, PROGRAMS, Daemon


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return False
    except ConnectionRefusedError:
        return True


class Filed(Daemon):
    """A daemon that is told where to listen by its file alone."""

    def __init__(self, b, program, name, *options):
        super().__init__([f"{PROGRAMS}/{program}", "-c", name, "--runtime-dir", b.runtime, "--workers", "2", *options])
        self.port = int(self.wait_for(r'msg="serving".* listen=\S+:(\d+) ')[1])


with Bench() as b:
    a, c, s1, s2 = (free_port() for _ in range(4))
    b.file("p.conf", f'listen = "{a}"\n')
    proxy = b.keep(Filed(b, "ppool-proxy", "p.conf"))
    proxy.socket = f"{b.runtime}/ppool-proxy-{a}.sock"
    b.file("s.conf", f'id = 1\npolicy = 111\nlisten = "{s1}"\nrevproc = "{a}"\n')
    server = b.keep(Filed(b, "ppool-server", "s.conf"))
    server.socket = f"{b.runtime}/ppool-server-1.sock"
    Proxy.wait_server.__get__(type("P", (), {"servers": lambda _: Proxy.servers(proxy)})())("1", addr=f"127.0.0.1:{s1}")

    b.file("s.conf", f'id = 1\npolicy = 111\nlisten = "{s2}"\nrevproc = "{a}"\n')
    status, out, err = ctl_run("-s", server.socket, "reload")
    assert status == 0, err
    assert Proxy.servers(proxy)["1"]["addr"] == f"127.0.0.1:{s2}", "known before the reload is over"
    assert correct(ask(a))
    wait_until(lambda: refused(s1), "the old port is closed")
    assert not refused(s2)

    b.file("p.conf", f'listen = "{s2}"\n')
    status, out, err = ctl_run("-s", proxy.socket, "reload")
    assert status == 1 and "cannot listen" in err and str(s2) in err, err
    assert correct(ask(a))

    b.file("p.conf", f'listen = "{c}"\n')
    status, out, err = ctl_run("-s", proxy.socket, "reload")
    assert status == 0, err
    assert correct(ask(c))
    wait_until(lambda: refused(a), "the old port is closed")

    b.file("s.conf", f'id = 1\npolicy = 111\nlisten = "{s2}"\nrevproc = "{c}"\n')
    status, out, err = ctl_run("-s", server.socket, "reload")
    assert status == 0, err
    wait_until(lambda: ctl(server.socket, "status")["registration"] == "joined", "joined there")
    assert correct(ask(c))
