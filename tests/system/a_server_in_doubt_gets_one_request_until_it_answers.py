"""It failed a request: until it has answered one it is not given more, and then it has its whole load again."""
import threading
from lib import plain, pooled
from lib.bench import Bench, Peer, correct, request, still_serves, wait_until

gate = threading.Event()
lies = ["lost"]


def answer(server, request):
    right = plain.reply(server.id, request)
    if request["payload"] in lies:
        lies.remove(request["payload"])
        return {**right, "destid": "nobody"}
    gate.wait()
    return right


with Bench() as b:
    proxy = b.proxy(workers=1, options=["--narrate", "no", "--eject-after", "0", "--queue-timeout", "1m", "--check-timeout", "1h",
                                        "--reply-timeout", "1m"])
    server = pooled.Server(proxy, answer=answer)
    b.server("other", "other", proxy, options=["--narrate", "no"])
    with Peer(proxy, seconds=60) as p:
        gate.set()
        assert correct(p.ask(request()))
        gate.clear()
        p.send(request("lost"))
        wait_until(lambda: sum(r["payload"] == "lost" for r in server.requests) == 2, "the further try")
        for i in range(5):
            p.send(request(str(i)))
        still_serves(proxy, policy="other")  # the five have been looked at
        row = proxy.servers()[server.id]
        assert row["in_flight"] == 1 and row["failed"] == 1, row
        gate.set()
        assert correct(p.read(), "lost")
        assert all(correct(p.read(), str(i)) for i in range(5))
        gate.clear()
        for i in range(5):
            p.send(request(f"more{i}"))
        proxy.wait_server(server.id, in_flight=5)  # its whole load
        gate.set()
        assert all(correct(p.read(), f"more{i}") for i in range(5))
    server.stop()
