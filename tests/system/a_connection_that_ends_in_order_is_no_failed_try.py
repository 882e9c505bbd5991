"""A pooled server ends a connection between two answers, as it does when a worker leaves: what it had not answered goes out again, though
no further try is allowed.  And what it says unasked costs it that connection alone."""
import json
import socket
import threading
from lib import plain
from lib.bench import Bench, Peer, correct, ctl, request

counts = {"connections": 0}
unasked = threading.Event()


def serve(listener):
    """Each connection has one answer; what comes next ends it."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        counts["connections"] += 1
        with connection, connection.makefile() as lines:
            first = json.loads(lines.readline())
            text = json.dumps(plain.reply("1", first)).encode() + b"\n"
            connection.sendall(text * (2 if unasked.is_set() else 1))
            lines.readline()


with Bench() as b:
    proxy = b.proxy(workers=1, options=["--retries", "0", "--eject-after", "0"])
    listener = plain.listen()
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    with socket.create_connection(("127.0.0.1", proxy.port)) as s:
        s.sendall(json.dumps({"type": "1", "id": "1", "privPolyId": "111", "listenport": listener.getsockname()[1], "ack": "1", "keepalive": "1",
                              "pipeline": "1", "slots": "1"}).encode() + b"\n")
        assert b'"verb"' in s.recv(4096)
    with Peer(proxy) as p:
        for i in range(6):
            got = p.ask(request(str(i)))
            assert correct(got, str(i)), (i, got)
        assert counts["connections"] >= 6 and proxy.servers()["1"]["failed"] == 0, (counts, proxy.servers()["1"])
        unasked.set()
        for i in range(6):
            got = p.ask(request(str(i)))
            assert correct(got, str(i)) or got["code"] == "upstream-failed", (i, got)
    assert ctl(proxy.socket, "deaths") == []
    listener.close()
