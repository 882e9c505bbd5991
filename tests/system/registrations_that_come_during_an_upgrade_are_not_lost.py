"""A connection to a worker of the former proxy still takes registrations while that worker drains: the successor knows, and
answers."""
import json
from lib.bench import Bench, Peer, ask, correct, wait_until


def announcement(id, port, **more):
    return json.dumps({"type": "1", "id": str(id), "privPolyId": "111", "listenport": str(port), "ack": "1", "lease": "60", **more}).encode()


def leave(id):
    return json.dumps({"type": "5", "id": str(id), "privPolyId": "111"}).encode()


with Bench() as b:
    proxy = b.proxy(options=["--stop-timeout", "60s"])
    server = b.server("1", "111", proxy)
    with Peer(proxy) as kept:
        first = kept.ask(announcement(7, 9))
        assert first["type"] == "4", first
        stream = b"".join(announcement(i, 1000 + i) for i in range(20, 30)) + leave(7) + leave(7)
        kept.send(stream[:20])  # half a packet: its worker waits for the rest
        proxy.upgrade()
        kept.send(stream[20:])
        got = [kept.read() for _ in range(12)]
        assert [g["type"] for g in got] == ["4"] * 11 + ["3"], got
        assert {str(i) for i in range(20, 30)} | {"1"} == set(proxy.servers())
