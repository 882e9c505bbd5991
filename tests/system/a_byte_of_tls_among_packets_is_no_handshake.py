"""What looks like TLS in the midst of packets is answered as no packet, after the answers that are due."""
import threading
from lib import pooled
from lib.bench import Bench, Peer, correct, request

with Bench() as b:
    proxy = b.proxy(workers=1)
    gate = threading.Event()
    slow = pooled.Server(proxy, "1", gate=gate)
    server = b.server("2", "222", proxy)
    with Peer(proxy) as p:
        p.send(request(policy="111") + b"\x16\x03\x01\x00\x05")
        gate.set()
        assert correct(p.read())
        assert p.read()["code"] == "bad-json" and p.closed()
    with Peer(server.port) as p:
        p.send(request(policy="222") + b"\x16\x03\x01\x00\x05")
        assert correct(p.read())
        assert p.read()["code"] == "bad-json" and p.closed()
    for port in (proxy.port, server.port):  # at the beginning it is told in its own language
        with Peer(port) as p:
            p.send(b"\x16\x03\x01\x00\x05")
            assert p.socket.recv(100) == b"\x15\x03\x03\x00\x02\x02\x28"
    slow.stop()
