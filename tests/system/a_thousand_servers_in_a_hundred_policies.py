"""All announced by one plain peer; every policy reaches the servers that are really there, in turn."""
import json
from lib.bench import Bench, Peer, ask, correct, ctl

with Bench() as b:
    proxy = b.proxy(options=["--max-servers", "1001", "--max-policies", "101", "--narrate", "no"])
    real = b.server("real", "p7", proxy)
    with Peer(proxy) as p:
        for i in range(1000):
            got = p.ask(json.dumps({"type": 1, "id": f"s{i}", "privPolyId": f"p{i % 100}", "listenport": real.port, "ack": 1, "keepalive": 1,
                                    "pipeline": 8, "slots": 100, "weight": 1}).encode())
            assert got["type"] == 4, got
        assert p.ask(b'{"type":1,"id":"more","privPolyId":"p1","listenport":1,"ack":1}')["type"] == 4
        assert "s0" not in (now := {s["id"] for s in ctl(proxy.socket, "servers")}) and {"more", "real"} <= now, "the oldest without a lease gives way"
    assert len(ctl(proxy.socket, "servers")) == 1001 and len(ctl(proxy.socket, "policies")) == 100
    assert all(correct(ask(proxy, policy="p7")) for _ in range(33))
    served = {s["id"]: s["served"] for s in ctl(proxy.socket, "servers") if s["policy"] == "p7"}
    assert set(served.values()) == {3}, served
