"""Accepted clients are served as ever; one that waits has its turn when another leaves."""
from lib import pooled
from lib.bench import Bench, Peer, correct, ctl, request

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--worker-connections", "3", "--narrate", "no"])
    server = pooled.Server(proxy, "1")
    inside = [Peer(proxy) for _ in range(3)]
    assert all(correct(p.ask(request("in")), "in") for p in inside)
    with Peer(proxy) as waits:
        waits.send(request("waits"))
        waits.socket.settimeout(0.3)
        try:
            assert waits.read() is None and False, "a fourth connection"
        except TimeoutError:
            pass
        assert all(correct(p.ask(request("still")), "still") for p in inside)
        assert ctl(proxy.socket, "status")["connections"] == 3
        inside.pop().close()
        waits.socket.settimeout(10)
        assert correct(waits.read(), "waits")
    for p in inside:
        p.close()
    server.stop()
