"""The existing peers that speak these packets, faithful to what policypool(7) says of them, with knobs for
misbehaviour.  Servers and proxy run in threads of the scenario."""
import contextlib
import hashlib
import json
import os
import queue
import socket
import threading

ONE_READ = 2048


def connect(where):
    """To a port of the loopback, or to "unix:/path"."""
    if isinstance(where, int):
        return socket.create_connection(("127.0.0.1", where))
    s = socket.socket(socket.AF_UNIX)
    s.connect(unix_name(where))
    return s


def unix_name(where):
    path = where.removeprefix("unix:")
    return "\0" + path[1:] if path.startswith("@") else path


def listen(port=0, backlog=64):
    if not isinstance(port, int):
        s = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(FileNotFoundError, ValueError):
            os.unlink(unix_name(port))  # of one that was closed
        s.bind(unix_name(port))
        s.listen(backlog)
        return s
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen(backlog)
    return s


def ask(port, payload="hello", policy="111", srcid="1", numbers=False, spelling="privPoliId"):
    """The plain client: one object, no newline, one read; the packet that it understood."""
    form = int if numbers else str
    with connect(port) as s:
        s.settimeout(20)
        s.sendall(json.dumps({"type": form(0), "srcid": form(srcid), spelling: form(policy) if policy.isdigit() else policy,
                              "payloadsize": form(len(payload)), "payload": payload}).encode())
        return json.loads(s.recv(ONE_READ))


def reply(id, request):
    digest = hashlib.sha1(request["payload"].encode()).hexdigest()
    return {"type": "2", "srcid": str(id), "destid": str(request["srcid"]), "payloadsize": len(digest), "payload": digest}


class Server:
    """Announces itself before it listens, closes that connection without reading, then serves one connection at
    a time, one read a request.  `port` may be "unix:/path".  `behave(server, connection, request)` replaces the answer, `reply` members of it;
    `waits`: it reads an answer to its announcement before it listens, whatever that says; `also`: further members of it."""

    def __init__(self, proxy_port, id="1", policy="111", port=None, numbers=False, listens=None, behave=None,
                 closes=True, spelling="privPolyId", waits=False, reply=None, also=None):
        self.also = also or {}
        self.id, self.policy, self.closes = str(id), policy, closes
        self.spelling, self.reply = spelling, reply or {}
        self.behave = behave
        self.requests, self.broken = [], None
        self.unanswered = self.most_open = 0
        self.lock = threading.Lock()
        self.accepted = queue.Queue()
        reserved = listen(port or 0)
        self.port = port if isinstance(port, str) else reserved.getsockname()[1]
        self.socket = reserved
        if listens is not None or waits:  # an Event: the port is closed until it is set
            reserved.close()
            self.socket = None
        self.answer = self.announce(proxy_port, numbers, waits)
        if waits:
            self.socket = listen(self.port)
        self.thread = threading.Thread(target=self._serve, args=(listens,), daemon=True)
        self.thread.start()

    def announce(self, proxy_port, numbers=False, waits=False):
        """What was answered, where that is waited for."""
        form = int if numbers else str
        at = {"listenport": form(self.port)} if isinstance(self.port, int) else {"listenport": form(0), "host": self.port}
        message = {"type": form(1), "id": form(self.id), self.spelling: form(self.policy) if self.policy.isdigit() else self.policy,
                   **at, **self.also}
        with connect(proxy_port) as s:
            s.sendall(json.dumps(message).encode())
            if not waits:
                return None
            s.settimeout(20)
            return json.loads(s.recv(ONE_READ))

    def _serve(self, listens):
        if listens is not None:
            listens.wait()
            self.socket = listen(self.port)
        threading.Thread(target=self._accept, daemon=True).start()
        while self.broken is None:
            connection = self.accepted.get()
            if connection is None:
                break
            with connection:
                connection.settimeout(10)
                self._one(connection)

    def _accept(self):
        """Counts the connections that stand here unanswered; they are served one after the other all the same."""
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with self.lock:
                self.unanswered += 1
                self.most_open = max(self.most_open, self.unanswered)
            self.accepted.put(connection)

    def _answered(self):
        with self.lock:
            self.unanswered -= 1

    def _one(self, connection):
        data = b""
        try:
            data = connection.recv(ONE_READ)
            if data:
                self.requests.append(data)
                answer = json.dumps({**reply(self.id, json.loads(data)), **self.reply}).encode()
        except (ValueError, KeyError) as e:
            self.broken = f"{e}: {data[:200]!r}"
            print(f"plain server {self.id}: {self.broken}", flush=True)
        except TimeoutError:  # all others have waited for it
            print(f"plain server {self.id}: nothing came from {connection.getpeername()}", flush=True)
        except OSError:
            data = b""
        self._answered()  # before the answer leaves: the next may come as soon as it is read
        if not data or self.broken:
            return
        try:
            if self.behave is not None:
                self.behave(self, connection, json.loads(data))
                return
            connection.sendall(answer)
            if not self.closes and connection.recv(1):  # until the peer closes
                self.broken = "a second request came over its connection"
        except TimeoutError:
            self.broken = "its connection was kept after the answer"
        except OSError:
            pass

    def stop(self):
        if self.socket is not None:
            self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()
        self.accepted.put(None)
        self.thread.join(5)


def hang_up(server, connection, request):
    """For Server(behave=): closes without an answer."""


def answer_with(**changed):
    """For Server(behave=): the right answer but for these members."""
    def behave(server, connection, request):
        connection.sendall(json.dumps({**reply(server.id, request), **changed}).encode())
    return behave


def cut(server, connection, request):
    """For Server(behave=): closes within its answer."""
    connection.sendall(json.dumps(reply(server.id, request)).encode()[:-10])


def late(seconds):
    """For Server(behave=): the right answer, so much later."""
    def behave(server, connection, request):
        threading.Event().wait(seconds)
        connection.sendall(json.dumps(reply(server.id, request)).encode())
    return behave


def is_probe(data, proxy_id="proxy"):
    """Of a request that a Server has read: is it the proxy's own?"""
    return json.loads(data)["srcid"] == proxy_id


class Proxy:
    """Takes type and listenport as strings only, or as `numbers` only, connects anew for each request, reads one answer, never
    acknowledges: `answers` an announcement with bytes of its own, then closes, or `keeps` the connection."""

    def __init__(self, numbers=False, answers=b"", keeps=False):
        self.one, self.form = (1, int) if numbers else ("1", str)
        self.answers, self.keeps = answers, keeps
        self.servers = {}  # policy: [(id, port)]
        self.turn = {}
        self.announcements = []  # that it took
        self.said = []  # all that it was told
        self.socket = listen()
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        with connection:
            connection.settimeout(10)
            data = connection.recv(ONE_READ)
            message = json.loads(data.decode())
            if message["type"] in (1, "1"):
                self.said.append(message)
                if message["type"] == self.one and isinstance(message["listenport"], self.form):
                    self.announcements.append(message)
                    known = self.servers.setdefault(str(message["privPolyId"]), [])
                    known[:] = [s for s in known if s[0] != message["id"]]
                    known.append((message["id"], int(message["listenport"])))
                connection.sendall(self.answers)
                if self.keeps:
                    connection.settimeout(None)
                    connection.recv(1)  # until the server closes
                return
            policy = message["privPoliId"]
            self.turn[policy] = self.turn.get(policy, -1) + 1
            _, port = self.servers[policy][self.turn[policy] % len(self.servers[policy])]
            with socket.create_connection(("127.0.0.1", port)) as s:
                s.settimeout(10)
                s.sendall(json.dumps(message).encode())
                connection.sendall(s.recv(ONE_READ))

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
