"""A pooled server in threads of the scenario: takes pipelined requests on kept connections, counts what it is given
at once, and answers when it is let."""
import json
import queue
import socket
import threading

from lib import plain


def ended(connection):
    """Its peer has closed it, whether or not a thread has seen that yet."""
    try:
        return connection.fileno() < 0 or connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class Server:
    """Announces itself and serves.  `gate`: an Event that every answer waits for; `answer(server, request)` replaces
    what is answered, None: nothing; `also`: further members of the announcement.  Without a proxy it announces nothing."""

    def __init__(self, proxy, id="1", policy="111", pipeline=64, slots=100, weight=1, gate=None, answer=None, lease=None,
                 also=None):
        self.id, self.policy, self.gate = str(id), str(policy), gate
        self.answer = answer or (lambda server, request: plain.reply(server.id, request))
        self.requests, self.probes = [], []  # what clients sent; what the proxy asks of its own accord
        self.carried = {}  # payload: the connection that it came on
        self.lock = threading.Lock()
        self.here = threading.local()  # in `answer`: the connection that it is for
        self.connections = self.in_flight = self.most_connections = self.most_in_flight = 0
        self.open = []
        self.socket = plain.listen()
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        if proxy is None:
            return
        port = proxy.port if hasattr(proxy, "port") else proxy
        with socket.create_connection(("127.0.0.1", port)) as s:
            message = {"type": "1", "id": self.id, "privPolyId": self.policy, "listenport": self.port, "ack": "1", "keepalive": "1",
                       "pipeline": pipeline, "slots": slots, "weight": weight, **(also or {})}
            s.sendall(json.dumps(message if lease is None else {**message, "lease": lease}).encode())
            assert b'"verb"' in s.recv(4096)

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with self.lock:
                self.open.append(connection)
                self.connections += 1
                self.most_connections = max(self.most_connections, sum(not ended(c) for c in self.open))
            answers = queue.Queue()
            threading.Thread(target=self._read, args=(connection, answers), daemon=True).start()
            threading.Thread(target=self._write, args=(connection, answers), daemon=True).start()

    def _read(self, connection, answers):
        rest = b""
        while True:
            try:
                chunk = connection.recv(65536)
            except OSError:
                chunk = b""
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                request = json.loads(line)
                with self.lock:
                    probe = request["srcid"] == "proxy"
                    (self.probes if probe else self.requests).append(request)
                    self.carried[request["payload"]] = connection
                    self.in_flight += not probe
                    self.most_in_flight = max(self.most_in_flight, self.in_flight)
                answers.put(request)
        answers.put(None)

    def _write(self, connection, answers):
        while (request := answers.get()) is not None:
            if self.gate is not None:
                self.gate.wait()
            self.here.connection = connection
            answer = self.answer(self, request)
            with self.lock:
                self.in_flight -= request["srcid"] != "proxy"
            if answer is not None:
                try:
                    connection.sendall(json.dumps(answer).encode() + b"\n")
                except OSError:
                    pass
        connection.close()
        with self.lock:
            self.connections -= 1

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for connection in self.open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
