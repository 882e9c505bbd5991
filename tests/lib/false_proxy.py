"""A proxy in threads of the scenario that does wrong: behave(proxy, connection, number) has each connection as it comes."""
import json
import socket
import threading

from lib import plain


class FalseProxy:
    def __init__(self, behave):
        self.behave, self.connections = behave, 0
        self.closed = threading.Semaphore(0)  # once for each connection that the client has closed
        self.over = threading.Event()  # the scenario needs it no more
        self.socket = plain.listen()
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(connection, self.connections), daemon=True).start()

    def _one(self, connection, number):
        with connection:
            try:
                self.behave(self, connection, number)
            except (OSError, ValueError):
                pass  # the client has closed it, or speaks TLS
        self.closed.release()


def requests(connection):
    """Those that come, until the client closes."""
    with connection.makefile("rb") as lines:
        for line in lines:
            yield json.loads(line)


def packet(request, **changed):
    """A reply that repeats the payload."""
    text = request["payload"]
    return {"type": "2", "srcid": "s", "destid": request["srcid"], "payloadsize": len(text.encode()), "payload": text, **changed}


def say(connection, what):
    connection.sendall(what if isinstance(what, bytes) else json.dumps(what).encode() + b"\n")


def answering(**changed):
    """Each request with the right reply, but for these members."""
    def behave(proxy, connection, number):
        for request in requests(connection):
            say(connection, packet(request, **changed))
    return behave


def saying(what):
    """Each request with these bytes, or what the function makes of it."""
    def behave(proxy, connection, number):
        for request in requests(connection):
            say(connection, what(request) if callable(what) else what)
    return behave


def refusing(code, **more):
    """Each request with an error."""
    return saying(lambda request: {"type": "3", "srcid": "proxy", "destid": request["srcid"], "payloadsize": 0, "payload": "",
                                   "code": code, "message": f"about {code}", **more})
