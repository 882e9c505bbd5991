import json
import socket
import struct
import threading
from lib import plain
from lib.bench import Bench, Peer, ask, correct, request, wait_until

gate = threading.Event()


def slow(server, c, r):
    gate.wait(20)
    c.sendall(json.dumps(plain.reply(server.id, r)).encode())


with Bench() as b:
    proxy = b.proxy()
    b.server("1", "quick", proxy)
    old = plain.Server(proxy.port, id="2", behave=slow)
    proxy.wait_server("2")
    for abrupt in (False, True):
        p = Peer(proxy)
        p.send(request("gone", srcid="3") + request("gone too", srcid="4"))
        wait_until(lambda: proxy.servers()["2"]["in_flight"] == 1, "it is in flight")
        if abrupt:
            p.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        p.close()
        assert correct(ask(proxy, policy="quick"))
        gate.set()
        wait_until(lambda: proxy.servers()["2"]["in_flight"] == 0, "the reply came back")
        gate.clear()
    gate.set()
    assert correct(ask(proxy, payload="mine"), "mine"), "somebody else's reply"
    old.stop()
