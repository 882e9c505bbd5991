import json
from lib.bench import Bench, Peer, correct, request

with Bench() as b:
    proxy = b.proxy()
    b.server("1", "111", proxy)
    plain = {"type": "1", "id": "9", "privPolyId": "222", "listenport": "9"}
    with Peer(proxy) as p:
        p.send(json.dumps(plain).encode())
        assert correct(p.ask(request())), "something was said before the reply"
        got = p.ask(json.dumps({**plain, "ack": "1"}).encode())
        assert got["type"] == "4" and got["destid"] == "9", got
        got = p.ask(json.dumps({"type": 5, "id": 9, "privPolyId": 222}).encode())
        assert got["type"] == 4, got
    assert list(proxy.servers()) == ["1"]
