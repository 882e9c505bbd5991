"""Some servers listen only once they have read an answer, whatever it says; the others have closed by then, which costs nothing
and nobody a word."""
import json
import re
from lib import plain
from lib.bench import Bench, Peer, correct, open_files, request, wait_until

with Bench() as b:
    proxy = b.proxy()
    b.server("1", "111", proxy)
    without = {"type": "1", "id": "9", "privPolyId": "222", "listenport": "9"}
    with Peer(proxy) as p:
        got = p.ask(json.dumps(without).encode())
        assert got["type"] == "4" and got["destid"] == "9" and got["privPolyId"] == "222" and got["verb"] == "registered", got
        got = p.ask(json.dumps({**without, "ack": "1"}).encode())
        assert got["type"] == "4" and got["verb"] == "renewed", got
        assert correct(p.ask(request()))
        got = p.ask(json.dumps({"type": 5, "id": 9, "privPolyId": 222}).encode())
        assert got["type"] == 4 and got["destid"] == 9, got
    assert list(proxy.servers()) == ["1"]

    before, mark = open_files(proxy), len(proxy.output)
    servers = [plain.Server(proxy.port, id=str(i), policy="333") for i in range(100, 130)]
    wait_until(lambda: len(proxy.servers()) == 31, "all are registered")
    wait_until(lambda: open_files(proxy) == before, "no descriptor is kept")
    loud = re.findall("level=(?:warn|error).*", proxy.output[mark:])
    assert not loud, loud
    for s in servers:
        s.stop()
