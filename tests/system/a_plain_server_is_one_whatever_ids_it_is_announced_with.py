"""A plain server serves one connection at a time.  Announced with three ids it is still one server: the newest id has the place
of the others, and however many ask there is one connection to it.  A server that makes its id anew at each start does the same."""
import json
import socket
from lib import plain
from lib.bench import Bench, client_json, ctl, wait_until


def announce(proxy, id, port, policy="111"):
    with socket.create_connection(("127.0.0.1", proxy.port)) as s:
        s.sendall(json.dumps({"type": "1", "id": id, "privPolyId": policy, "listenport": str(port)}).encode())
    proxy.wait_server(id)


with Bench() as b:
    proxy = b.proxy(workers=3)
    server = plain.Server(proxy.port, id="first")
    proxy.wait_server("first")
    for id in ("second", "third"):
        announce(proxy, id, server.port)
    assert set(proxy.servers()) == {"third"}, proxy.servers()
    status, got = client_json(proxy, "--policy", "111", "--count", 300, "--parallel", 32, "--vary", "--size", 40)
    assert status == 0 and got["correct"] == 300, got
    assert server.broken is None and server.most_open <= 1, (server.broken, server.most_open)
    assert proxy.servers()["third"]["served"] == 300, proxy.servers()

    told = [(e["event"], e["id"], e["why"]) for e in ctl(proxy.socket, "events")]
    assert ("removed", "first", "server second was announced at its address") in told, told
    assert [e[:2] for e in told].count(("replaced", "third")) == 1, told
    proxy.wait_for(r"a plain server has another id.* id=third former=second policy=111")

    # Another policy's is another server, for all that the proxy knows.
    announce(proxy, "other", server.port, "222")
    assert set(proxy.servers()) == {"third", "other"}, proxy.servers()
    wait_until(lambda: all(s["connections"] == 0 for s in proxy.servers().values()), "no connection kept")
    server.stop()
