"""Slots times pipeline, over all workers, however many ask; the rest waits its turn, and all are answered."""
import threading
from lib import pooled
from lib.bench import Bench, Peer, correct, request, wait_until

with Bench() as b:
    proxy = b.proxy(workers=3, options=["--narrate", "no"])
    gate = threading.Event()
    server = pooled.Server(proxy, "1", pipeline=3, slots=2, gate=gate)
    peers = [Peer(proxy, seconds=30).send(request(str(i)) * 4) for i in range(12)]
    wait_until(lambda: server.in_flight == 6, "it has all that it takes")
    gate.set()
    for i, p in enumerate(peers):
        for _ in range(4):
            assert correct(p.read(), str(i))
        p.close()
    assert server.most_in_flight == 6 and server.most_connections <= 2, (server.most_in_flight, server.most_connections)
    server.stop()
