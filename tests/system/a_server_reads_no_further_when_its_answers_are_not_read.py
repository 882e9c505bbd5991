"""Without a proxy that would hide it: what it takes of a client that reads nothing is bounded; the others are served, and so is that one once it
reads."""
import select
from lib.bench import PATIENCE, Bench, Peer, correct, request

MOST = 40 << 20  # bytes, far more than sockets hold

with Bench() as b:
    server = b.server("1", "111", None, workers=1, options=["--narrate", "no"])
    with Peer(server, seconds=60) as deaf:
        deaf.socket.setblocking(False)
        text, sent = request() * 1000, 0
        while sent < MOST and select.select([], [deaf.socket], [], 2 * PATIENCE)[1]:
            sent += deaf.socket.send(text[sent % len(text):])
        assert sent < MOST, f"{sent >> 20} MB were taken"
        with Peer(server) as other:
            assert correct(other.ask(request()))
        deaf.socket.setblocking(True)
        assert all(correct(deaf.read()) for _ in range(1000)), "what was sent is answered"
