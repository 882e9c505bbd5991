import contextlib
import hashlib
import json
import re
import socket
import struct
import subprocess
import threading
from lib.bench import PROGRAMS, SLOW

COUNT = 200


def line(stream):
    got = stream.readline()
    if not got:
        raise EOFError
    return got


class Peer:
    """Answers each request with what `lie` makes of the digest; None: not at all.  Where replies name their request two
    requests of a connection are awaited and answered in the other order."""

    def __init__(self, lie, pairs):
        self.lie, self.pairs = lie, pairs
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        waiting = []
        with contextlib.suppress(OSError, EOFError, ValueError, struct.error), connection, connection.makefile("rb") as stream:
            self.greet(connection)
            while True:
                request, payload = self.read(stream, connection)
                waiting.append((request, self.lie(hashlib.sha1(payload).hexdigest())))
                if self.pairs and len(waiting) < 2:
                    continue
                for request, answer in reversed(waiting):
                    if answer is not None:
                        connection.sendall(self.reply(request, answer.encode()))
                waiting = []

    def greet(self, connection):
        pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Packet(Peer):
    def read(self, stream, _):
        request = json.loads(line(stream))
        return request, request["payload"].encode()

    def reply(self, request, answer):
        return json.dumps({"type": 2, "srcid": "s", "destid": request["srcid"], "payloadsize": len(answer), "payload": answer.decode()}).encode()


class Http(Peer):
    def read(self, stream, _):
        head = b"".join(iter(lambda: line(stream), b"\r\n"))
        return None, stream.read(int(re.search(rb"Content-Length: (\d+)", head)[1]))

    def reply(self, _, answer):
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer)


class Redis(Peer):
    def read(self, stream, _):
        words = []
        for _ in range(int(line(stream)[1:])):
            words.append(stream.read(int(line(stream)[1:])))
            line(stream)
        return None, words[-1]

    def reply(self, _, answer):
        return b"$%d\r\n%s\r\n" % (len(answer), answer)


class Gearman(Peer):
    jobs = 0

    def read(self, stream, connection):
        _, kind, n = struct.unpack(">4sII", stream.read(12))
        function, _, payload = stream.read(n).split(b"\0", 2)
        assert (kind, function) == (7, b"111")
        Gearman.jobs += 1
        handle = b"H:here:%d" % (70000 + Gearman.jobs)
        connection.sendall(struct.pack(">4sII", b"\0RES", 8, len(handle)) + handle)
        return handle, payload

    def reply(self, handle, answer):
        body = handle + b"\0" + answer
        return struct.pack(">4sII", b"\0RES", 13, len(body)) + body


class Nats(Peer):
    def greet(self, connection):
        connection.sendall(b"INFO {}\r\nPING\r\n")

    def read(self, stream, _):
        while True:
            words = line(stream).split()
            if words[0] != b"PUB":
                assert words[0] in (b"CONNECT", b"SUB", b"PONG"), words
                continue
            payload = stream.read(int(words[3]))
            line(stream)
            return words[2], payload

    def reply(self, inbox, answer):
        return b"MSG %s 1 %d\r\n%s\r\n" % (inbox, len(answer), answer)


def load(peer, *argv):
    done = subprocess.run([f"{PROGRAMS}/bench/load", "--protocol", type(peer).__name__.lower(), "--port", str(peer.port), *argv],
                          capture_output=True, text=True, timeout=60 * SLOW)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def every_third(change):
    turn = iter(range(COUNT))
    return lambda digest: change(digest) if next(turn) % 4 == 3 else digest


for kind in (Packet, Http, Redis, Gearman, Nats):
    named = kind in (Gearman, Nats)
    for pairs, shape in ((False, ("--connections", "3")), (False, ("--connections", "2", "--in-flight", "8")), (False, ("--connections", "5", "--loads", "2")),
                         *([(True, ("--in-flight", "2")), (True, ("--in-flight", "16"))] if named else [])):
        for change, found in ((lambda d: d, "requests"), (lambda d: d[::-1], "wrong"), (lambda d: "no digest, " + 29 * "-", "refused")):
            with contextlib.closing(kind(every_third(change), pairs)) as peer:
                status, got = load(peer, "--count", str(COUNT), *shape)
                said = (kind, pairs, shape, found, got)
                expected = {"requests": COUNT, "wrong": 0, "refused": 0, "lost": 0, "failed": 0, "stray": 0, "all": COUNT}
                if found != "requests":
                    expected.update({"requests": COUNT * 3 // 4, found: COUNT // 4})
                assert {k: got[k] for k in expected} == expected and (status == 0) == (found == "requests"), said
    with contextlib.closing(kind(lambda digest: None, False)) as peer:
        status, got = load(peer, "--connections", "4", "--persist", "--timeout", "0.2", "--seconds", "1")
        assert status == 1 and got["requests"] == got["wrong"] == got["refused"] == 0 and got["lost"] >= 4, (kind, got)
