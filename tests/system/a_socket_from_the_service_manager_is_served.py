"""Socket activation: the daemon finds its listening socket open, and connections made before it ran are served."""
import os
import socket
from lib.bench import PROGRAMS, Bench, Daemon, Peer, correct, request


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
