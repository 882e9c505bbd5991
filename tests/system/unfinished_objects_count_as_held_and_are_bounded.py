"""What peers have begun to send counts as held, at the proxy and at the server; over max_buffered the largest are refused, so that others are served on, and nothing counts once they have gone."""
import socket

from lib.bench import SLOW, Bench, Peer, correct, ctl, request, wait_until, workers

OBJECT, PEERS, LIMIT = (1 << 20) - 1, 60, 8 << 20

def resident(daemon):
    with open(f"/proc/{workers(daemon)[0]}/statm") as f:
        return int(f.read().split()[1]) * 4096

with Bench() as b:
    options = ["--narrate", "no", "--max-buffered", "8M"]
    proxy = b.proxy(workers=1, options=options)
    server = b.server("1", "111", proxy, workers=1, options=options)
    for daemon in (proxy, server):
        before = resident(daemon)
        with Peer(daemon.port) as honest:
            assert correct(honest.ask(request()))
            peers = []
            many = [Peer(daemon.port).send(b'{"type":"0"') for _ in range(20)]  # little each
            for i in range(PEERS):
                p = Peer(daemon.port, seconds=30)
                peers.append(p)
                try:
                    p.send(b'{"type":"0","payload":"' + b"x" * (OBJECT - 24))
                except OSError:  # it is refused before it has sent all
                    pass
                assert correct(honest.ask(request(str(i))), str(i)), f"refused with {i} beside it"
            wait_until(lambda: ctl(daemon.socket, "status")["buffered"] > LIMIT // 2, "it is counted")
            assert ctl(daemon.socket, "status")["buffered"] <= LIMIT + (2 << 20)
            assert SLOW > 1 or resident(daemon) - before < 4 * LIMIT, resident(daemon) - before
            refused = 0
            for p in peers:
                p.socket.settimeout(0.2)
                try:
                    got = p.read()
                    assert got is None or (got["code"] == "overloaded" and "max_buffered" in got["message"]), got
                    refused += 1
                except socket.timeout:
                    pass
            assert refused >= PEERS - LIMIT // OBJECT - 2, refused
            for p in peers + many:
                p.close()
            wait_until(lambda: ctl(daemon.socket, "status")["buffered"] < 1 << 17, "nothing is held any more")
            # A large object beside nothing is taken.
            big = "y" * (OBJECT - 200)
            assert correct(honest.ask(request(big)), big)
        wait_until(lambda: ctl(daemon.socket, "status")["buffered"] == 0 and not ctl(daemon.socket, "status")["in_flight"], "all is given back")
