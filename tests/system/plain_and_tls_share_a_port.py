from lib.bench import Bench, Peer, ask, correct, request
from lib.certificates import SecurePeer, authority, issue, listening, servers_by

with Bench() as b:
    ca = authority()
    identity = issue("pool", ca)
    proxy = b.proxy(options=[*listening(identity, "optional"), *servers_by(ca)])
    server = b.server("1", "111", proxy, options=listening(identity, "optional"))
    assert proxy.servers()["1"]["tls"] is True
    for port in (proxy.port, server.port):
        assert correct(ask(port, payload="plain"), "plain")
        with SecurePeer(port, ca) as p:
            assert p.socket.version() == "TLSv1.3"
            assert correct(p.ask(request("secret")), "secret")
            p.send(b"".join(request(f"n{i}") for i in range(100)))
            for i in range(100):
                assert correct(p.read(), f"n{i}")
        # The end is told in TLS, and not only by TCP: nobody in between can cut what is said.
        with SecurePeer(port, ca) as p:
            assert p.ask(b"no packet")["code"] == "bad-json" and p.closed()
        with Peer(port) as p:
            assert correct(p.ask(request("plain again")), "plain again")
