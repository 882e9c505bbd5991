"""100,000 bad packets on a connection are a line and a count; thousands of connections that are refused, at the proxy (bad packets,
denied addresses, registrations) and at the server, are a burst of lines and then a few a second, with the number of those left out."""
import os
import re
import socket
from lib.bench import FOLDER, PROGRAMS, Bench, Daemon, Peer, ctl, wait_until

N = 100_000


def lines(path):
    with open(path) as f:
        return f.read().splitlines()


def counted(path, what):
    """Lines of a kind, those that are counted only too."""
    told = [l for l in lines(path) if f'msg="{what}"' in l or f'of="{what}"' in l]
    left_out = sum(int(n) for l in told for n in re.findall(r" suppressed=(\d+)", l))
    return sum(f'msg="{what}"' in l for l in told), left_out


def flood(port, packet, connections):
    for _ in range(connections):
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(packet)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass


def start(b, log, *options):
    d = b.keep(Daemon([f"{PROGRAMS}/ppool-proxy", "-port", "0", "--runtime-dir", b.runtime, "--workers", "1", "--log", log, "--narrate", "yes",
                       *options]))
    d.port = int(d.wait_for(r"Proxy running on port (\d+)")[1])
    d.socket = f"{b.runtime}/ppool-proxy-{d.port}.sock"
    return d


with Bench() as b:
    log = os.path.join(FOLDER, "log")
    proxy = start(b, log)
    # One connection.
    with Peer(proxy.port, seconds=60) as p:
        sent = 0
        while sent < N:
            p.socket.sendall(b"{}" * 1000)
            sent += 1000
            got = 0
            while got < 1000:
                got += p.socket.recv(1 << 20).count(b"\n")
    wait_until(lambda: f"packets={N}" in "".join(lines(log)), "the count of that connection")
    assert counted(log, "packet refused")[0] == 1, counted(log, "packet refused")
    assert os.path.getsize(log) < 20_000, os.path.getsize(log)
    # Many connections.
    before = counted(log, "packet refused")
    flood(proxy.port, b"{}", 3000)
    wait_until(lambda: sum(counted(log, "packet refused")) - sum(before) >= 3000, "the count of packets refused")
    told, left_out = counted(log, "packet refused")
    assert told - before[0] < 1000 and left_out > 1000, (told, left_out)
    assert told + left_out - sum(before) == 3000, (before, told, left_out)
    assert ctl(proxy.socket, "status")["log_lines_suppressed"] == left_out
    # Registrations, which the master judges.
    n = len(lines(log))
    flood(proxy.port, b'{"type":"1","id":"1","privPolyId":"1","listenport":"1","host":"0.0.0.0"}', 3000)
    assert "registration refused" in "".join(lines(log))
    assert len(lines(log)) - n < 1000, len(lines(log)) - n
    # Denied addresses.
    log = os.path.join(FOLDER, "other")
    denying = start(b, log, "--deny", "127.0.0.0/8")
    flood(denying.port, b'{"type":"0","srcid":"1","privPoliId":"111","payload":"x"}', 3000)
    wait_until(lambda: sum(counted(log, "request turned away")) == 3000, "the count of what is turned away")
    assert counted(log, "request turned away")[0] < 1000
    # A server's front.
    server = b.server("1", "111", None, workers=1)
    flood(server.port, b"{}", 3000)
    wait_until(lambda: (m := re.findall(r'of="packet refused" suppressed=(\d+)| suppressed=(\d+)', server.output)) and
               sum(int(a or c) for a, c in m) > 1000, "the count of the server's refusals")
    assert server.output.count('msg="packet refused"') < 1000
