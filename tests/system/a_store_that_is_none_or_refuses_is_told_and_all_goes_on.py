"""Stores that are no etcd, that refuse, keep silent, or have no right or a certificate for the proxy: each is told in the log, once,
by ppool-ctl and in the metrics; the proxy is ready, and its own server serves."""
import http.server
import socket
import threading
import urllib.request
from lib import certificates, signed
from lib.bench import Bench, ask, correct, free_port, wait_until
from lib.etcd import PREFIX, Etcd, store_of
from lib.pooled import Server

TRIES = 3


class Page(http.server.BaseHTTPRequestHandler):
    """Answers anything with the same page."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.page)

    def log_message(self, *_):
        pass


def web(status, page):
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    s.daemon_threads, s.status, s.page = True, status, page
    threading.Thread(target=s.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{s.server_address[1]}"


def mail():
    s = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            c, _ = s.accept()
            with c:
                c.recv(4096)
                c.sendall(b"220 mail.example ESMTP\r\n")
    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{s.getsockname()[1]}"


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as r:
        return r.status, r.read().decode()


with Bench() as b:
    locked = Etcd(b, "locked")
    locked.require_login({"proxy": PREFIX, "other": "/other/"})
    ca = certificates.authority()
    another = certificates.issue("another", ca, ip="127.0.0.2", dns="another.example")
    trusting = certificates.context(ca)
    trusting.check_hostname = False
    secure = Etcd(b, "secure", ["--cert-file", another.certificate, "--key-file", another.key], trusting)
    silent = socket.create_server(("127.0.0.1", 0))
    good, bad = signed.write(b, "good", "other\n"), signed.write(b, "bad", "wrong\n")

    no_answer, no_right = 'msg="the store does not answer"', 'msg="the store refuses what it is asked"'
    cases = {
        "page": (no_answer, "HTTP status 404, and not as etcd says it", web(404, b"<html>no such page</html>")),
        "json": (no_answer, "it answers what is not etcd's", web(200, b"{}")),
        "mail": (no_answer, "HTTP/0.9", mail()),
        "refuses": (no_answer, "connect to", f"http://127.0.0.1:{free_port()}"),
        "silent": (no_answer, "timed out", f"http://127.0.0.1:{silent.getsockname()[1]}"),
        "password": (no_right, "authentication failed", locked.url, "--store-user", "proxy", "--store-password-file", bad),
        "no-login": (no_right, "user name is empty", locked.url),
        "no-right": (no_right, "permission denied", locked.url, "--store-user", "other", "--store-password-file", good),
        "name": (no_answer, "certificate", secure.url, "--store-ca", ca.certificate),
    }
    proxies = {}
    for name, (_, _, url, *options) in cases.items():
        admin = free_port()
        proxies[name] = b.proxy(workers=1, options=["--id", name, "--store", url, "--store-wait", "0", "--admin", admin, *options]), admin
        Server(proxies[name][0], id="100", policy="111")

    for name, (message, why, url, *_) in cases.items():
        proxy, admin = proxies[name]
        wait_until(lambda: store_of(proxy)["errors"] >= (TRIES if name != "silent" else 2), f"{name}: it is tried again")
        s = store_of(proxy)
        assert s["state"] in ("connecting", "reading") and s["endpoint"] == url and s["published"] == 1, (name, s)
        assert s["last_error"].startswith(url) and why in s["last_error"], (name, s)
        proxy.said(message)
        told = [line for line in proxy.output.splitlines() if 'msg="the store ' in line and "not known yet" not in line]
        assert len(told) == 1 and message in told[0] and why in told[0], (name, told)
        status, text = get(admin, "/metrics")
        errors = next(float(line.split()[1]) for line in text.splitlines() if line.startswith("policypool_store_errors_total "))
        assert "\npolicypool_store_synced 0\n" in text and errors >= 2, (name, text)
        assert get(admin, "/readyz")[0] == 200, name
        assert correct(ask(proxy.port)), name
