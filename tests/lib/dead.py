"""Servers that are dead in one of the ways in which servers are, many of them in one thread, and what they cost the clients of a pool."""
import json
import selectors
import socket
import struct
import threading
import time

from lib import plain
from lib.bench import Peer, request, correct

KINDS = ("refusing", "silent", "hanging", "resetting")
WHAT = {"refusing": "nobody listens at its port", "silent": "its SYNs are dropped", "hanging": "it accepts and never answers",
        "resetting": "it resets the connection when it is asked"}


class Dead:
    """One dead server of a kind; it has a port, and is registered by announce()."""

    def __init__(self, kind, id, policy="111", pooled=False):
        self.kind, self.id, self.policy, self.pooled = kind, str(id), policy, pooled
        self.sockets = []
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        self.sockets.append(listening)  # bound and not listening: refused, and nobody else's port
        if kind == "silent":
            listening.listen(0)
            self._fill(listening)
        elif kind != "refusing":
            listening.listen(512)
        self.ends = threading.Event()
        if kind == "resetting":
            threading.Thread(target=self._reset, args=(listening,), daemon=True).start()

    def _fill(self, listening):
        """A full accept queue: the kernel drops what SYNs come after."""
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(listening.getsockname())
            self.sockets.append(s)

    def _reset(self, listening):
        with selectors.DefaultSelector() as waiting:
            waiting.register(listening, selectors.EVENT_READ)
            while not self.ends.is_set():
                for key, _ in waiting.select(0.2):
                    self._reset_one(waiting, listening, key.fileobj)

    def _reset_one(self, waiting, listening, ready):
        try:
            if ready is listening:
                waiting.register(listening.accept()[0], selectors.EVENT_READ)
                return
            waiting.unregister(ready)
            ready.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            ready.close()
        except OSError:
            pass

    def announce(self, port):
        more = {"ack": "1", "keepalive": "1", "pipeline": "16", "slots": "64"} if self.pooled else {}
        message = {"type": "1", "id": self.id, "privPolyId": self.policy, "listenport": str(self.port), **more}
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(json.dumps(message).encode())
            if self.pooled:
                s.settimeout(20)
                assert b'"verb"' in s.recv(4096)

    def close(self):
        self.ends.set()
        for s in self.sockets:
            s.close()


class Load:
    """Clients in threads, one request after the other each, until stop(): when each was sent and how long it took."""

    def __init__(self, port, clients=4, policy="111"):
        self.port, self.policy = port, policy
        self.ends = threading.Event()
        self.took, self.failed = [], []  # (sent, seconds); (sent, seconds, answer)
        self.threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]
        for t in self.threads:
            t.start()

    def _ask(self):
        with Peer(self.port, seconds=60) as p:
            while not self.ends.is_set():
                begin = time.monotonic()
                got = p.ask(request(policy=self.policy))
                took = time.monotonic() - begin
                self.took.append((begin, took))
                if not correct(got):
                    self.failed.append((begin, took, got))

    def stop(self):
        self.ends.set()
        for t in self.threads:
            t.join()
        return self

    def quantile(self, q):
        took = sorted(t for _, t in self.took)
        return took[min(len(took) - 1, int(q * len(took)))]

    def slower(self, limit):
        return [t for _, t in self.took if t > limit]

    def until_as_before(self, limit):
        """From the first request to the end of the last that took longer than that, in seconds."""
        ends = [sent + took for sent, took in self.took if took > limit]
        return max(ends) - min(sent for sent, _ in self.took) if ends else 0.0


__all__ = ["KINDS", "WHAT", "Dead", "Load", "plain"]
