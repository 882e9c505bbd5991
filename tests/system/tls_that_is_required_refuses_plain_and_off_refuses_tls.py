import ssl

from lib.bench import Bench, Peer, ask, client, request, still_serves
from lib.certificates import SecurePeer, authority, issue, listening, servers_by

with Bench() as b:
    ca = authority()
    identity = issue("pool", ca)
    proxy = b.proxy(options=[*listening(identity), *servers_by(ca)])
    server = b.server("1", "111", proxy=None, options=listening(identity))
    for port in (proxy.port, server.port):
        with Peer(port) as p:
            reply = p.ask(request())
            assert str(reply["type"]) == "3" and reply["code"] == "denied" and "TLS is required" in reply["message"], reply
            assert p.closed()
    status, out, err = client(proxy, "--policy", "111", "--payload", "x")
    assert status == 1 and "TLS is required" in out, (status, out, err)

    # And no TLS where it is off: an alert, and one line in the log of each worker.
    plain = b.proxy(workers=1)
    b.server("2", "111", plain)
    for _ in range(3):
        try:
            SecurePeer(plain.port, ca)
        except ssl.SSLError as e:
            assert "handshake failure" in str(e).lower().replace("_", " "), e
        else:
            raise AssertionError("TLS where it is off")
    still_serves(plain)
    plain.wait_for("it speaks TLS, which is off here")
    assert plain.output.count("it speaks TLS, which is off here") == 1
    assert ask(plain, policy="nobody's")["code"] == "unknown-policy"
