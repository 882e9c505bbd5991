"""Socket activation: the daemon finds its listening sockets open, TCP and Unix, and connections made before it ran are served.  The
path of a Unix socket is the service manager's: it stays, also through an upgrade."""
import os
import socket
from lib.bench import PROGRAMS, Bench, Daemon, Peer, ask, correct, ctl, request


def listening():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen()
    return s


def activated(sockets, argv):
    """Started with these sockets as its descriptors from 3 on."""
    def place():
        # Out of the way first: a new place may be another's old one.
        high = [os.dup2(s.fileno(), 200 + i) for i, s in enumerate(sockets)]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)
            os.close(fd)
        os.environ["LISTEN_FDS"], os.environ["LISTEN_PID"] = str(len(sockets)), str(os.getpid())
    return Daemon(argv, close_fds=False, preexec_fn=place)


with Bench() as b:
    one, two, three = listening(), listening(), listening()
    port = [s.getsockname()[1] for s in (one, two, three)]
    with Peer(port[0]) as early:
        early.send(request("early"))
        # The only one is taken, whatever -listen says.
        server = b.keep(activated([one], [f"{PROGRAMS}/ppool-server", "-id", "1", "-pp", "111", "-listen", "1", "--runtime-dir",
                                          b.runtime, "--workers", "2"]))
        server.socket = f"{b.runtime}/ppool-server-1.sock"
        server.wait_for(f'msg="listening on the socket given" fd=3 address=127.0.0.1:{port[0]}')
        server.wait_for(f'msg="serving" id=1 .*listen=127.0.0.1:{port[0]} ')
        assert correct(early.read(), "early"), "a connection from before the start is not served"
    assert server.stop() == 0
    # Of several the one at the address; the other is closed and named.
    proxy = b.keep(activated([one, two, three], [f"{PROGRAMS}/ppool-proxy", "-port", str(port[1]), "--runtime-dir", b.runtime,
                                                 "--workers", "1"]))
    proxy.wait_for(f'msg="listening on the socket given" fd=4 address=127.0.0.1:{port[1]}')
    proxy.wait_for('msg="a socket given is not used" fd=3 why="it listens elsewhere"')
    proxy.wait_for('msg="a socket given is not used" fd=5')
    proxy.wait_for("Proxy running on port")
    with Peer(port[1]) as p:
        assert p.ask(request())["code"] == "unknown-policy"
    assert proxy.stop() == 0

    # A port and a path, whose sockets were given in the other order.
    path = os.path.join(b.runtime, "given.sock")
    given = socket.socket(socket.AF_UNIX)
    given.bind(path)
    given.listen()
    with Peer(f"unix:{path}") as early:
        early.send(request())
        proxy = b.keep(activated([given, three], [f"{PROGRAMS}/ppool-proxy", "-port", f"{port[2]},unix:{path}", "--runtime-dir", b.runtime,
                                                  "--workers", "1"]))
        proxy.socket = f"{b.runtime}/ppool-proxy-{port[2]}.sock"
        proxy.wait_for(f'msg="listening on the socket given" fd=3 address=unix:{path}')
        proxy.wait_for("Proxy running at")
        assert early.read()["code"] == "unknown-policy"
    assert ask(port[2])["code"] == "unknown-policy"
    inode = os.stat(path).st_ino
    proxy.upgrade()
    assert ctl(proxy.socket, "status")["listen"] == f"127.0.0.1:{port[2]}, unix:{path}"
    assert ask(f"unix:{path}")["code"] == "unknown-policy"
    assert proxy.stop() == 0
    assert os.stat(path).st_ino == inode, "it is not the daemon's to remove"
    # The only one, which listen does not name.
    server = b.keep(activated([given], [f"{PROGRAMS}/ppool-server", "-id", "1", "-pp", "111", "-listen", "1", "--runtime-dir", b.runtime]))
    server.socket = f"{b.runtime}/ppool-server-1.sock"
    server.wait_for("listening at unix:")
    assert correct(ask(f"unix:{path}"))
    assert server.stop() == 0
    os.unlink(path)
