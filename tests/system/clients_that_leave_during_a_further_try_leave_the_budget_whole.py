"""A request's server fails, another has it, its client resets the connection, and the other fails as well: nobody is on a further try
then, though there was nobody left to tell."""
import socket
import struct
import threading
from lib import pooled
from lib.bench import Bench, Peer, correct, ask, ctl, request, wait_until
from lib.quiet import quiet

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--eject-after", "0"])
    for _ in range(4):  # more often than may always be on a further try
        first = pooled.Server(proxy, id="1", gate=threading.Event())
        proxy.wait_server("1", addr=f"127.0.0.1:{first.port}")
        p = Peer(proxy).send(request())
        proxy.wait_server("1", in_flight=1)
        second = pooled.Server(proxy, id="2", gate=threading.Event())
        proxy.wait_server("2", addr=f"127.0.0.1:{second.port}")
        first.stop()
        proxy.wait_server("2", in_flight=1)
        wait_until(lambda: ctl(proxy.socket, "status")["retrying"] == 1, "a further try is counted")
        p.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        p.close()
        wait_until(lambda: ctl(proxy.socket, "status")["in_flight"] == 0, "its client has gone")
        second.stop()
        proxy.wait_server("2", in_flight=0)
        quiet(proxy)
    b.server("2", "111", proxy)
    assert correct(ask(proxy))
