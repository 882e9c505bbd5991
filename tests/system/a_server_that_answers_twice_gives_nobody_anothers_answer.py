"""All requests of a client have one srcid, so the second of two replies to one of them looks like the next one's.  It comes before
that has left, or while nothing is asked: it ends its connection, is the server's failure, and from then on each request has a
connection of its own, one at a time.  A half of such a reply, whose rest would come with the next one's, is found as well."""
import json
import socket
import threading
from lib import plain
from lib.bench import Bench, Peer, client_json, correct, request


class Twice:
    """A pooled server that answers each request twice; `half`: the second time only the first half, and the rest when it is asked
    again on this connection."""

    def __init__(self, proxy, id, policy, half):
        self.half, self.id = half, id
        self.most = 0  # requests on one connection
        self.listener = plain.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        with Peer(proxy) as p:
            got = p.ask(json.dumps({"type": "1", "id": id, "privPolyId": policy, "listenport": self.listener.getsockname()[1], "ack": "1",
                                    "keepalive": "1", "pipeline": "16", "slots": "100"}).encode())
            assert got["verb"] == "registered", got

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        asked, rest = 0, b""
        try:
            with connection, connection.makefile() as lines:
                for line in lines:
                    asked += 1
                    self.most = max(self.most, asked)
                    text = json.dumps(plain.reply(self.id, json.loads(line))).encode() + b"\n"
                    again = text[:len(text) // 2] if self.half else text
                    connection.sendall(rest + text + again)
                    rest = text[len(again):]
        except OSError:
            pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


with Bench() as b:
    proxy = b.proxy(workers=1, options=["--eject-after", "0"])
    for half in (False, True):
        policy = f"half-{half}"
        server = Twice(proxy, f"of {policy}", policy, half)
        with Peer(proxy) as p:
            for i in range(20):
                got = p.ask(request(str(i), policy=policy))
                assert correct(got, str(i)), (half, i, got)
        status, got = client_json(proxy, "--policy", policy, "--count", 200, "--parallel", 8, "--vary", "--size", 30)
        assert status == 0 and got["correct"] == got["sent"] == 200, got
        assert server.most == 1, f"{server.most} requests on one connection"
        proxy.wait_for(rf'msg="server suspect" id="of {policy}" .* why="a reply that nobody asked for"')
        server.stop()
