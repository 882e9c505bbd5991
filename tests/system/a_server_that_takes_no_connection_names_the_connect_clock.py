"""A listening socket with a full backlog takes no further connection."""
import json
import socket
from lib.bench import Bench, Peer, ctl, request, still_serves

full = socket.socket()
full.bind(("127.0.0.1", 0))
full.listen(0)
fillers = []
for _ in range(4):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(full.getsockname())
    fillers.append(s)
with Bench() as b:
    proxy = b.proxy(workers=1, options=["--connect-timeout", "300ms", "--queue-timeout", "700ms", "--narrate", "no"])
    b.server("good", "good", proxy)
    with Peer(proxy) as p:
        got = p.ask(json.dumps({"type": "1", "id": "full", "privPolyId": "111", "listenport": full.getsockname()[1], "ack": "1"}).encode())
        assert got["verb"] == "registered", got
        p.send(request())
        still_serves(proxy, policy="good")
        got = p.read()
        assert got["code"] == "upstream-failed" and "connect_timeout" in got["message"], got
    assert ctl(proxy.socket, "status")["timeouts"]["connect"] >= 1
for s in (*fillers, full):
    s.close()
