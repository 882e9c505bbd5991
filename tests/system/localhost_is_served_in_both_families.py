"""A daemon that listens at `localhost` serves connections to 127.0.0.1 and to ::1, on one port, before and after a reload and an
upgrade, and so do its pages; a server and a client that are given `localhost` find a proxy that is at one of the two alone."""
import re
import socket
import subprocess
from lib import names, needs
from lib.bench import PROGRAMS, SLOW, Bench, Daemon, ctl_run, request, sha1, wait_until

names.need()
needs.need_ipv6()


def answers(host, port):
    with socket.create_connection((host, port), timeout=20 * SLOW) as s:
        s.sendall(request(payload="x"))
        return sha1("x").encode() in s.recv(4096)


def shows(host, port):
    with socket.create_connection((host, port), timeout=20 * SLOW) as s:
        s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        return s.recv(4096).startswith(b"HTTP/1.1 200 ")


def check(*daemons):
    for d in daemons:
        for host in ("127.0.0.1", "::1"):
            assert answers(host, d.port), (host, d.port)
            assert shows(host, d.pages), (host, d.pages)


def start(program, *argv):
    d = b.keep(Daemon([*known.within(), f"{PROGRAMS}/{program}", *map(str, argv), "--runtime-dir", b.runtime, "--workers", "2", "--narrate", "no",
                       "--admin", "localhost:0"]))
    d.port = int(d.wait_for(r'msg="serving" .*listen=127\.0\.0\.1:(\d+) ')[1])
    d.pages = int(d.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1])
    return d


with Bench() as b:
    known = names.Names(b.runtime)
    known.hosts("::1 localhost", "127.0.0.1 localhost")
    proxy = start("ppool-proxy", "-port", "localhost:0")
    proxy.socket = f"{b.runtime}/ppool-proxy-{proxy.port}.sock"
    server = start("ppool-server", "-id", "1", "-pp", "111", "-listen", "localhost:0", "-revproc", f"localhost:{proxy.port}")
    server.socket = f"{b.runtime}/ppool-server-1.sock"
    proxy.wait_for('msg="server joined" id=1')
    check(proxy, server)
    for d in (proxy, server):
        assert ctl_run("-s", d.socket, "reload")[0] == 0
    check(proxy, server)
    for d in (proxy, server):
        d.upgrade()
    wait_until(lambda: len(re.findall('msg="registered with the proxy"', server.output)) >= 2, "the successor has joined")
    check(proxy, server)

    for host in ("127.0.0.1", "[::1]"):
        alone = b.keep(Daemon([f"{PROGRAMS}/ppool-proxy", "-port", f"{host}:0", "--runtime-dir", b.runtime, "--narrate", "no"]))
        port = int(alone.wait_for(r'msg="serving" listen=\S+:(\d+) ')[1])
        start("ppool-server", "-id", f"of {host}", "-pp", "111", "-listen", "0", "-revproc", f"localhost:{port}")
        alone.wait_for('msg="server joined" id="of ')
        asked = subprocess.run([*known.within(), f"{PROGRAMS}/ppool-client", "-revproc", f"localhost:{port}", "--policy", "111", "--payload", "x",
                                "--retries", "0"], capture_output=True, text=True, check=False)
        assert asked.returncode == 0, (host, asked)
