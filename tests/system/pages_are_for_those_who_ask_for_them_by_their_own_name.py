"""HTTP for operators keeps to itself: names that are not its own, bodies, other methods and paths are refused; a HEAD has the
length and no body; connections that never ask and heads that come in drips are bounded in number and time."""
import socket
import threading
import time
from lib.bench import Bench, ctl, ctl_run

with Bench() as b:
    conf = b.file("proxy.conf", "listen = 0\nadmin = 0\n")
    proxy = b.proxy(options=["-c", conf])
    port = int(proxy.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1])

    def ask(text, host="127.0.0.1"):
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.settimeout(20)
            s.sendall((text + f" HTTP/1.1\r\nHost: {host}\r\n").encode() + b"\r\n")
            got = b""
            while chunk := s.recv(65536):
                got += chunk
        head, _, body = got.decode().partition("\r\n\r\n")
        return int(head.split()[1]), head, body

    def length(head):
        return int(head.split("Content-Length: ")[1].split("\r\n")[0])

    status, head, body = ask("GET /metrics")
    assert status == 200 and length(head) == len(body.encode()) > 1000
    status, head, body = ask("HEAD /healthz")
    assert status == 200 and length(head) == len("running\n") and body == "", (head, body)
    assert [ask("GET /", host)[0] for host in ("localhost", f"127.0.0.1:{port}", "[::1]:80", "192.0.2.1")] == [200] * 4
    assert [ask("GET /overview", host)[0] for host in ("evil.example", "127.0.0.1.evil.example", "pool.example")] == [421] * 3
    assert ask("GET //metrics")[0] == 404 and ask("GET /metrics/")[0] == 404
    status, head, _ = ask("POST /metrics")
    assert status == 405 and "Allow: GET, HEAD" in head
    status, head, _ = ask("POST /metrics", "localhost\r\nContent-Length: 3")
    assert status == 405 and "Allow: GET, HEAD" in head
    assert ask("GET /metrics", "localhost\r\nContent-Length: 3")[0] == 413

    b.file("proxy.conf", "listen = 0\nadmin = 0\nadmin_names = { pool.example }\n")
    assert ctl_run("-s", proxy.socket, "reload")[0] == 0
    assert ask("GET /overview", "Pool.Example:80")[0] == 200 and ask("GET /overview", "evil.example")[0] == 421

    # Many that say nothing, and more: a request is answered all the same, and they are closed.
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    assert ask("GET /healthz")[0] == 200
    drip = socket.create_connection(("127.0.0.1", port))
    began = time.monotonic()
    try:
        for c in b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: y\r\n" * 1000:
            drip.sendall(bytes([c]))
            threading.Event().wait(0.05)
        raise AssertionError("dripped headers are waited for without end")
    except OSError:
        assert time.monotonic() - began < 60
    for s in silent:
        s.settimeout(30)
        assert s.recv(1) == b"", "a connection that says nothing is kept"
    assert ask("GET /healthz")[0] == 200
    assert proxy.alive() and ctl(proxy.socket, "status")["state"] == "running"
