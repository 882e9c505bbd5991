"""Answers must be taken within client_read_timeout, also by a client that takes a little now and then; others are served meanwhile."""
import socket
from lib import plain, pooled
from lib.bench import Bench, Peer, ctl, request, still_serves, wait_until

BIG = 200000


def big(server, r):
    return {**plain.reply(server.id, r), "more": "m" * BIG}


with Bench() as b:
    proxy = b.proxy(options=["--client-read-timeout", "500ms", "--narrate", "no"])
    b.server("2", "222", proxy, options=["--narrate", "no"])
    server = pooled.Server(proxy, "1", answer=big)

    def stuck():
        p = Peer.__new__(Peer)
        p.socket, p.rest = socket.socket(), b""
        p.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        p.socket.connect(("127.0.0.1", proxy.port))
        p.socket.settimeout(20)
        return p.send(request() * 100)

    silent, sipping = stuck(), stuck()

    def closed():
        still_serves(proxy, policy="222")
        try:
            sipping.socket.recv(100)
        except ConnectionResetError:
            pass
        return ctl(proxy.socket, "status")["timeouts"]["client_read"] == 2

    wait_until(closed, "both are closed")
    for p in (silent, sipping):
        got = 0
        try:
            while chunk := p.socket.recv(65536):
                got += len(chunk)
        except ConnectionResetError:
            pass
        assert got < 100 * BIG, "it got everything"
        p.close()
    wait_until(lambda: ctl(proxy.socket, "status")["connections"] == 1, "the end of all but the registration")
    assert proxy.said("client_read_timeout", 2) == 2, proxy.output
    server.stop()
