"""Errors and replies of a slow and a quick server, on one connection."""
from lib import plain
from lib.bench import Bench, Peer, correct, request

with Bench() as b:
    proxy = b.proxy()
    b.server("1", "quick", proxy)
    gate = __import__("threading").Event()

    def slow(server, connection, message):
        gate.wait(10)
        connection.sendall(__import__("json").dumps(plain.reply(server.id, message)).encode())

    old = plain.Server(proxy.port, id="2", policy="slow", behave=slow)
    proxy.wait_server("2")
    with Peer(proxy) as p:
        p.send(request("a", "slow", "1") + request("b", "quick", "2") + request("c", "nobody", "3") + request("d", "quick", "4"))
        proxy.wait_for("Forwarding to server id 1 for client id 4")
        gate.set()
        got = [p.read() for _ in range(4)]
        assert [r["destid"] for r in got] == ["1", "2", "3", "4"], got
        assert correct(got[0], "a") and correct(got[1], "b") and correct(got[3], "d")
        assert got[2]["code"] == "unknown-policy"
    old.stop()
