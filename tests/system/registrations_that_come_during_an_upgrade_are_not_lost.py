"""A connection to a worker of the former proxy still takes registrations while that worker drains: the successor knows, and
answers."""
import json
from lib.bench import Bench, Peer, ask, correct, wait_until


def announcement(id, port, **more):
    return json.dumps({"type": "1", "id": str(id), "privPolyId": "111", "listenport": str(port), "ack": "1", "lease": "60", **more}).encode()


with Bench() as b:
    proxy = b.proxy(options=["--stop-timeout", "30s"])
    server = b.server("1", "111", proxy)
    with Peer(proxy) as kept:
        first = kept.ask(announcement(7, 9))
        assert first["type"] == "4", first
        proxy.upgrade()
        got = [kept.ask(announcement(i, 1000 + i)) for i in range(20, 30)]
        assert [g["type"] for g in got] == ["4"] * 10, got
        assert {str(i) for i in range(20, 30)} | {"7", "1"} == set(proxy.servers())
        gone = kept.ask(json.dumps({"type": "5", "id": "7", "privPolyId": "111"}).encode())
        assert gone["type"] == "4", gone
        assert "7" not in proxy.servers()
        assert kept.ask(json.dumps({"type": "5", "id": "7", "privPolyId": "111"}).encode())["type"] == "3"
