"""A server that takes one connection at a time, and two workers with clients that never pause: the one that holds it gives it up in turn, so
that no client is left far behind."""
import threading
from lib import pooled
from lib.bench import Bench, Peer, correct, request, wait_until, ctl
from lib.quiet import quiet

CLIENTS, MOST, AHEAD = 8, 64, 4


def connect(proxy):
    """So many clients, and more until both workers have some: the kernel may give one worker the first of them all."""
    peers = []
    while len(peers) < CLIENTS or not all(w["connections"] > 0 for w in ctl(proxy.socket, "workers")):
        assert len(peers) < MOST, "one worker has all clients"
        peers.append(Peer(proxy, seconds=60))
        wait_until(lambda: ctl(proxy.socket, "status")["connections"] >= len(peers), "the client's connection")
    return peers


def work(peer, over, counts, i):
    with peer as p:
        p.send(request(srcid=str(i)) * AHEAD)
        while not over.is_set():
            got = p.read()
            assert correct(got), got
            counts[i] += 1
            p.send(request(srcid=str(i)))
        for _ in range(AHEAD):
            assert correct(p.read())


with Bench() as b:
    proxy = b.proxy(workers=2, options=["--queue-timeout", "60s", "--reply-timeout", "60s", "--narrate", "no"])
    server = pooled.Server(proxy, slots=1)
    proxy.wait_server("1")
    peers = connect(proxy)
    over, counts = threading.Event(), [0] * len(peers)
    threads = [threading.Thread(target=work, args=(peer, over, counts, i)) for i, peer in enumerate(peers)]
    for t in threads:
        t.start()
    wait_until(lambda: sum(counts) >= 4000 or min(counts) >= 100, "work", 60)
    over.set()
    for t in threads:
        t.join()
    assert min(counts) * 20 >= max(counts), counts
    assert server.most_connections == 1, server.most_connections
    quiet(proxy)
    server.stop()
