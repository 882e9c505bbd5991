"""Clients that end with a reset while they say nothing, within an object, in flight, in the queue, between pipelined answers, with answers
that they don't read, after a refusal, as a server that registers: at the proxy and at the server every count goes back."""
import socket
import struct
import threading
from lib import pooled
from lib.bench import SLOW, Bench, Peer, ask, correct, ctl, request, wait_until
from lib.quiet import books, quiet

ROUNDS = 8 if SLOW == 1 else 2
BIG = "m" * 200000


def reset(peer):
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def deaf(port):
    """A peer that can be sent little before it reads."""
    p = Peer.__new__(Peer)
    p.socket, p.rest = socket.socket(), b""
    p.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    p.socket.connect(("127.0.0.1", port))
    return p


with Bench() as b:
    # No clock ends what waits here, however long the rounds take.
    clocks = [f"--{clock}-timeout={10 * 60}s" for clock in ("queue", "reply", "request")]
    proxy = b.proxy(options=["--narrate", "no", "--max-message", "64K", *clocks])
    server = b.server("own", "own", proxy, options=["--narrate", "no", "--max-message", "64K"])
    gate = threading.Event()
    slow = pooled.Server(proxy, "slow", policy="slow", pipeline=1, slots=2, gate=gate)  # one for each worker, or both for one
    wordy = pooled.Server(proxy, "wordy", policy="wordy",
                          answer=lambda s, r: {**pooled.plain.reply(s.id, r), "more": "w" * 30000})
    assert correct(ask(proxy, policy="own"))
    before = {d: books(d) for d in (proxy, server)}
    connections = ctl(proxy.socket, "status")["connections"]
    held = [Peer(proxy).send(request(policy="slow")) for _ in range(2)]
    wait_until(lambda: slow.in_flight == 2, "what follows waits in the queue")
    for _ in range(ROUNDS):
        for port, policy in ((proxy.port, "own"), (server.port, "own")):
            reset(Peer(port))
            reset(Peer(port).send(b'{"type":"0","payload":"' + b"x" * 40000))
            reset(Peer(port).send(request(policy=policy) * 50))
            p = Peer(port).send(request(policy=policy) * 50)
            assert correct(p.read())
            reset(p)
            p = Peer(port).send(b'{"payload":"' + BIG.encode())  # refused as too large
            reset(p)
            p = Peer(port).send(b"garbage")
            assert p.read()["code"] == "bad-json"
            reset(p)
        p = deaf(proxy.port).send(request(policy="wordy") * 100)
        wait_until(lambda: ctl(proxy.socket, "status")["buffered"] > 30000, "answers wait for it")
        reset(p)
        wait_until(lambda: ctl(proxy.socket, "status")["buffered"] < 30000, "they are given back")
        for n in (1, 20):
            p = Peer(proxy).send(request(policy="slow") * n)
            wait_until(lambda: ctl(proxy.socket, "status")["queued"] >= n, "it waits")
            reset(p)
            wait_until(lambda: ctl(proxy.socket, "status")["queued"] == 0, "it waits no more")
        reset(Peer(proxy).send(b'{"type":"1","id":"x","privPolyId":"x","listenport":"1","ack":"1"}'))
    reset(held.pop())  # its request is at the server
    gate.set()
    assert correct(held[0].read())
    held[0].close()
    quiet(proxy, connections=connections, since=before[proxy])
    quiet(server, since=before[server])
    assert correct(ask(proxy, policy="own")) and correct(ask(proxy, policy="slow")) and correct(ask(proxy, policy="wordy"))
    slow.stop()
    wordy.stop()
