"""Clients that do not read let answers pile up to max_buffered: new requests are refused, and served again afterwards."""
import socket
from lib import plain, pooled
from lib.bench import Bench, Peer, ask, correct, ctl, request, wait_until

BIG = 100000

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--max-buffered", "4M", "--client-read-timeout", "0", "--narrate", "no"])
    server = pooled.Server(proxy, "1", answer=lambda s, r: {**plain.reply(s.id, r), "more": "m" * BIG})
    b.server("good", "good", proxy)

    def stuck():
        p = Peer.__new__(Peer)
        p.socket, p.rest = socket.socket(), b""
        p.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        p.socket.connect(("127.0.0.1", proxy.port))
        p.socket.settimeout(30)
        return p.send(request() * 100)

    piling = [stuck()]
    wait_until(lambda: ctl(proxy.socket, "status")["buffered"] > 4 << 20 or piling.append(stuck()), "enough is held")
    got = ask(proxy, policy="good")
    assert got["code"] == "overloaded" and "max_buffered" in got["message"] and got["retryafter"] > 0, got
    for p in piling:
        for _ in range(100):
            got = p.read()
            assert correct(got) or got["code"] == "overloaded", got
        p.close()
    wait_until(lambda: ctl(proxy.socket, "status")["buffered"] == 0, "nothing is held any more")
    assert correct(ask(proxy, policy="good"))
    status = ctl(proxy.socket, "status")
    assert status["buffered_max"] > 4 << 20 and status["refused"]["overloaded"] > 0, status
    server.stop()
