"""Marks that turn the direction of writing, that have no width or that a terminal obeys, in an id that a server gives itself, are shown
escaped: in the narration, the summary and the JSON."""
import json
from lib.bench import Bench, client
from lib.plain import Server, reply

NASTY = "1\u202e0\u200b\u009b31m"
SHOWN = "1\\u202e0\\u200b\\u009b31m"


def rename(server, connection, request):
    answer = {**reply(server.id, request), "srcid": NASTY}
    connection.sendall(json.dumps(answer, ensure_ascii=False).encode())


with Bench() as b:
    proxy = b.proxy()
    server = Server(proxy.port, id="1", behave=rename)
    proxy.wait_server("1")
    ask = ("--policy", "111", "--payload", "x")
    status, out, err = client(proxy, *ask)
    assert status == 0 and f"received reply from server {SHOWN}:" in out and not set(NASTY[1:]) & set("\u202e\u200b\u009b") & set(out + err), (out, err)
    for more in (["--count", "3"], ["--json"]):
        status, out, err = client(proxy, *ask, *more)
        assert status == 0 and SHOWN in out and not set("\u202e\u200b\u009b") & set(out + err), (out, err)
    assert NASTY in json.loads(out)["servers"], out
    server.stop()
