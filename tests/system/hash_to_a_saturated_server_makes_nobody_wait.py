"""Many requests of one key while its server answers nothing: the others take what is over its share."""
import threading
from lib import pooled
from lib.bench import Bench, Peer, correct, request, wait_until

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--balance", "hash", "--narrate", "no", "--check-timeout", "1h"])
    gates = [threading.Event() for _ in range(3)]
    servers = [pooled.Server(proxy, str(i), gate=gates[i]) for i in range(3)]
    popular = request(srcid="popular")
    for gate in gates:
        gate.set()
    with Peer(proxy) as p:  # all are known to answer
        for i in range(60):
            assert correct(p.ask(request(srcid=str(i))))
    assert all(s.requests for s in servers)
    for s, gate in zip(servers, gates):
        gate.clear()
        s.requests.clear()
    with Peer(proxy) as first:
        first.send(popular)
        wait_until(lambda: any(s.requests for s in servers), "the first request")
        own = next(s for s in servers if s.requests)
        for s, gate in zip(servers, gates):
            if s is not own:
                gate.set()
        more = [Peer(proxy) for _ in range(3)]
        for p in more:
            p.send(popular)
        wait_until(lambda: len(own.requests) == 4, "as many as nobody minds")
        with Peer(proxy) as p:
            assert all(correct(p.ask(popular)) for _ in range(50)), "they wait for the one that answers nothing"
        assert len(own.requests) == 4
        gates[servers.index(own)].set()
        assert correct(first.read()) and all(correct(p.read()) for p in more)
        for p in more:
            p.close()
        assert correct(first.ask(popular)) and len(own.requests) == 5, "it is free again"
    for s in servers:
        s.stop()
