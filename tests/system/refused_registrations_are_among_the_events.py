"""With id, policy, address and reason; what is refused again and again is counted in one event, and no flood of refusals takes the
place of what else happened."""
import json
import socket
from lib.bench import Bench, ctl


def announce(proxy, here, n=1, **more):
    """From that address, on one connection."""
    with socket.create_connection(("127.0.0.1", proxy.port), source_address=(here, 0)) as s, s.makefile("rb") as answers:
        for _ in range(n):
            s.sendall(json.dumps({"type": "1", "id": "stranger", "privPolyId": "PP_9", "listenport": "99", **more}).encode())
            assert json.loads(answers.readline())["type"] == "3"


def refused(proxy, *args):
    return [e for e in ctl(proxy.socket, "events", *args) if e["event"] == "refused"]


with Bench() as b:
    proxy = b.proxy(options=["--trusted-networks", "127.0.0.1/32", "--refusals-per-address", "0"])
    b.server("1", "111", proxy)
    announce(proxy, "127.0.0.1", listenport=proxy.port)
    announce(proxy, "127.0.0.2", n=3)
    got = refused(proxy)
    assert [(e["id"], e["policy"], e["count"]) for e in got] == [("stranger", "PP_9", 1), ("stranger", "PP_9", 3)], got
    assert got[0]["why"].startswith("127.0.0.1: ") and got[1]["why"] == "127.0.0.2: it is not signed, nor from a trusted network", got
    # Another reason begins anew, and so does the former one after it.
    announce(proxy, "127.0.0.2", keyid="nobody", mac="0" * 64, epoch="1")
    announce(proxy, "127.0.0.2", id="other")
    got = refused(proxy)
    assert [(e["id"], e["count"]) for e in got[1:]] == [("stranger", 3), ("stranger", 1), ("other", 1)], got
    assert refused(proxy, "1") == got[-1:] and refused(proxy, "after", got[-2]["number"]) == got[-1:]
    for i in range(2, 202):
        announce(proxy, f"127.0.1.{i}", n=5)
    events = ctl(proxy.socket, "events")
    assert events[0]["event"] == "joined" and events[0]["id"] == "1", events[0]
    assert [e["number"] for e in events] == sorted(e["number"] for e in events)
    got = refused(proxy)
    assert 10 < len(got) < 200 and got[-1]["why"].startswith("127.0.1.201: ") and got[-1]["count"] == 5, got[-1]
    assert len(ctl(proxy.socket, "events", "7")) == 7
