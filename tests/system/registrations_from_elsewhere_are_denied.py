import json
from lib.bench import Bench, Peer, still_serves

with Bench() as b:
    proxy = b.proxy(options=["--trusted-networks", "10.0.0.0/8,192.168.1.0/24"])
    with Peer(proxy) as p:
        for type in ("1", "5"):
            got = p.ask(json.dumps({"type": type, "id": "9", "privPolyId": "1", "listenport": "99"}).encode())
            assert got["code"] == "denied", got
    assert proxy.servers() == {}
    proxy.wait_for("registration refused.*denied")
    own = b.proxy()
    with Peer(own) as p:
        got = p.ask(json.dumps({"type": "1", "id": "9", "privPolyId": "1", "listenport": own.port}).encode())
        assert got["code"] == "denied", ("the proxy's own address", got)
    b.server("1", "111", own)
    still_serves(own)
