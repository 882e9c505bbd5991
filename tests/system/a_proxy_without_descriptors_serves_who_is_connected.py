"""Connections that find no descriptor wait; those there are served meanwhile; the others follow as some leave."""
# Not under valgrind: it needs descriptors of its own.
import json
import threading
from lib import plain, pooled
from lib.bench import Bench, Peer, correct, ctl, request, wait_until, workers

MOST = 96

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--narrate", "no", "--queue-timeout", "20s", "--worker-max-files", MOST])
    free = threading.Event()

    def behave(server, connection, request):
        free.wait()
        connection.sendall(json.dumps(plain.reply(server.id, request)).encode())

    slow = [plain.Server(proxy.port, id=str(i), policy="slow", behave=behave) for i in range(MOST)]
    wait_until(lambda: {s.id for s in slow} <= proxy.servers().keys(), "they are registered")
    server = pooled.Server(proxy, "own")
    with Peer(proxy, seconds=30) as inside, Peer(proxy, seconds=30) as busy, Peer(proxy, seconds=30) as busier:
        assert correct(inside.ask(request()))
        serving = workers(proxy)
        for p in (busy, busier):
            p.send(request(policy="slow") * (MOST // 2))
        proxy.wait_for("EMFILE")  # connections to servers have taken all
        outside = [Peer(proxy, seconds=30).send(request(str(i))) for i in range(10)]
        proxy.wait_for("accepting pauses")
        assert all(correct(inside.ask(request("inside")), "inside") for _ in range(20))
        free.set()
        for p in (busy, busier):
            assert all(correct(p.read()) for _ in range(MOST // 2))
        for i, p in enumerate(outside):
            assert correct(p.read(), str(i))
            p.close()
        assert workers(proxy) == serving, "it ended"
    wait_until(lambda: ctl(proxy.socket, "status")["in_flight"] == 0, "nothing is left")
    server.stop()
    for s in slow:
        s.stop()
