# Not under valgrind: one process runs at a time there.
from lib.bench import Bench, Peer, correct, ctl, request


def shares(daemon):
    return [w["connections"] for w in ctl(daemon.socket, "workers")]


with Bench() as b:
    proxy = b.proxy(workers=3)
    b.server("1", "111", proxy)
    peers = [Peer(proxy) for _ in range(240)]
    for p in peers:
        assert correct(p.ask(request()))
    got = shares(proxy)
    assert len(got) == 3 and sum(got) >= 240, got
    assert max(got) <= 1.2 * sum(got) / 3, got
    for p in peers:
        p.close()
