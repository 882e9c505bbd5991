"""A whole request over TLS and then the end of TCP, without close_notify: it is answered; a cut one is told as cut."""
import os
import socket
from lib.bench import Bench, correct, request
from lib.certificates import SecurePeer, authority, issue, listening, servers_by

with Bench() as b:
    ca = authority()
    identity = issue("pool", ca)
    proxy = b.proxy(options=[*listening(identity), *servers_by(ca)])
    server = b.server("1", "111", options=[*listening(identity)], proxy=None)

    def end(peer):
        with socket.socket(fileno=os.dup(peer.socket.fileno())) as raw:
            raw.shutdown(socket.SHUT_WR)

    for port, policy in ((proxy.port, "nobody"), (server.port, "111")):
        with SecurePeer(port, ca) as p:
            p.send(request("first", policy=policy) + request("last", policy=policy))
            end(p)
            got = [p.read(), p.read()]
            if policy == "nobody":
                assert [g["code"] for g in got] == ["unknown-policy"] * 2, got
            else:
                assert correct(got[0], "first") and correct(got[1], "last"), got
            assert p.closed()
        with SecurePeer(port, ca) as p:
            p.send(request(policy=policy)[:-5])
            end(p)
            got = p.read()
            assert got["code"] == "bad-json" and "cut" in got["message"], got
    for daemon in (proxy, server):
        assert "session has been" not in daemon.output and "TLS failed" not in daemon.output, daemon.output
