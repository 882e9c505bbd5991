"""Whole, without an end, and announced slowly, byte by byte; the bound is exact."""
from lib.bench import Bench, Peer, correct, request, still_serves

MAX = 4096


def exactly(n):
    return request("x" * (n - len(request(""))))


with Bench() as b:
    proxy = b.proxy(options=["--max-message", MAX])
    server = b.server("100", "111", proxy, options=["--max-message", MAX])
    for port in (proxy.port, server.port):
        with Peer(port) as p:
            assert p.ask(exactly(MAX))["type"] == "2"
            assert p.ask(exactly(MAX + 1))["code"] == "too-large" and p.closed()
        with Peer(port) as p:
            got = p.ask(b'{"payload":"' + b"x" * 300000)
            assert got["code"] == "too-large" and p.closed()
        with Peer(port) as p:
            for byte in b'{"payload":"' + b"y" * (MAX - 12):
                p.send(bytes([byte]))
            assert p.read()["code"] == "too-large" and p.closed()
    still_serves(proxy)
    assert correct(Peer(server.port).ask(request()))
