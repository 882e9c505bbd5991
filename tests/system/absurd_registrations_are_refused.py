import json
from lib.bench import Bench, Peer, still_serves

GOOD = {"type": "1", "id": "9", "privPolyId": "111", "listenport": "2105", "ack": "1"}
BAD = [("listenport", v) for v in (0, "0", 70000, "70000", "abc", -1, "", 2105.5, True, None, [], {}, "2105x", " 2105")]
BAD += [("id", v) for v in ("", None, {}, [1], "x" * 65, "a\u0000b")] + [("privPolyId", v) for v in ("", None, {}, "y" * 65)]
BAD += [("lease", v) for v in ("0", "x", -5, "1e3")] + [("pipeline", v) for v in ("0", "70000", "x")]
BAD += [("slots", "0"), ("slots", "many"), ("weight", "0"), ("ack", "perhaps"), ("keepalive", 7), ("host", "no such host"), ("host", 5)]

with Bench() as b:
    proxy = b.proxy()
    b.server("1", "111", proxy)
    with Peer(proxy) as p:
        for key, value in BAD:
            got = p.ask(json.dumps({**GOOD, key: value}).encode())
            assert got["code"] == "bad-message" and got["message"], (key, value, got)
        for key in ("id", "privPolyId", "listenport"):
            got = p.ask(json.dumps({k: v for k, v in GOOD.items() if k != key}).encode())
            assert got["code"] == "bad-message" and key in got["message"], (key, got)
        got = p.ask(json.dumps({"type": "5", "id": "nobody", "privPolyId": "111"}).encode())
        assert got["type"] == "3", got
    assert list(proxy.servers()) == ["1"]
    still_serves(proxy)
