"""Two keepalived with the sample's settings: a plain client at the virtual address is served by the other proxy some seconds after the
first one was killed, or its machine was cut off, and by that one still when the first is back."""
# Not under valgrind: it would watch nsenter(1), not what that starts.
import contextlib
import os
import re
import signal
import subprocess
import sys
import time

from lib import hosts
from lib.bench import FOLDER, PATIENCE, Bench, Daemon, wait_until
from lib.needs import need_command, need_network_namespaces

need_network_namespaces()
need_command("keepalived", "curl")
SAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "keepalived.conf")
CLIENT = """
import json, socket, sys, time
while True:
    begin = time.monotonic()
    try:
        with socket.create_connection(("10.0.0.10", 8000), 0.3) as s:
            s.settimeout(1)
            s.sendall(json.dumps({"type": "0", "srcid": "1", "privPoliId": "111", "payload": "hello"}).encode())
            got = json.loads(s.recv(2048))
        print(f"{time.monotonic():.3f} {got['srcid'] if got['type'] == '2' else got['code']}", flush=True)
    except OSError as e:
        print(f"{time.monotonic():.3f} - {type(e).__name__}", flush=True)
    time.sleep(max(0, begin + 0.05 - time.monotonic()))
"""


class Cluster:
    def __init__(self, b, stack, lan):
        self.b, self.lan, self.stack = b, lan, stack
        self.proxies = {}
        for role in ("one", "two"):
            self.start_proxy(role)
            self.start_server(role)
        for role in ("one", "two"):
            self.start_keepalived(role)

    def daemon(self, host, *argv):
        d = Daemon([*self.lan[host].enter, *argv])
        self.stack.callback(lambda: d.alive() and d.stop(seconds=30))
        return d

    def start_proxy(self, role):
        p = self.lan[role].daemon("ppool-proxy", "-port", "0.0.0.0:8000", "--admin", "2180", "--trusted-networks", "10.0.0.0/24",
                                  "--runtime-dir", f"{self.b.runtime}/{role}", "--workers", 1)
        self.stack.callback(lambda: p.alive() and p.stop())
        p.wait_for('msg="serving"')
        self.proxies[role] = p

    def start_server(self, role):
        """Of its proxy, with whose name it answers; on the machine of neither."""
        s = self.lan["server"].daemon("ppool-server", "-id", role, "-pp", "111", "-listen", "0.0.0.0:0", "-revproc", f"{self.lan[role].address}:8000",
                                      "--runtime-dir", self.b.runtime, "--workers", 1, "--retry-max", "200ms")
        self.stack.callback(lambda: s.alive() and s.stop())
        s.wait_for("registered with the proxy")

    def start_keepalived(self, role):
        with open(SAMPLE) as f:
            text = f.read()
        if role == "two":
            text = re.sub(r"10\.0\.0\.([12])\b(?!\d)", lambda m: "10.0.0." + {"1": "2", "2": "1"}[m[1]], text)
        path = self.b.file(f"keepalived-{role}.conf", text)
        files = [f"--{kind}={FOLDER}/{role}.{kind}" for kind in ("pid", "vrrp_pid", "checkers_pid")]
        self.daemon(role, "keepalived", "--dont-fork", "--log-console", "--vrrp", "-f", path, *files)

    def has_address(self, role):
        return "10.0.0.10/" in subprocess.run([*self.lan[role].enter, "ip", "address", "show", "dev", "eth0"], capture_output=True, text=True, check=True).stdout


def answers(client):
    """[(when, by whom)]"""
    lines = [line.split() for line in client.output.splitlines(keepends=True) if line.endswith("\n")]
    return [(float(w[0]), w[1]) for w in lines]


def gap(client, other, since):
    """Seconds from that moment to the first answer of the other one's server."""
    wait_until(lambda: any(by == other for at, by in answers(client) if at >= since), f"an answer by {other}", 60)
    return next(at for at, by in answers(client) if at >= since and by == other) - since


with Bench() as b, hosts.lan("one", "two", "server", "client") as lan, contextlib.ExitStack() as stack:
    os.makedirs(f"{b.runtime}/one")
    os.makedirs(f"{b.runtime}/two")
    pool = Cluster(b, stack, lan)
    wait_until(lambda: pool.has_address("one") or pool.has_address("two"), "one of them has the address", 60)
    client = pool.daemon("client", sys.executable, "-c", CLIENT)
    wait_until(lambda: answers(client) and answers(client)[-1][1] in ("one", "two"), "an answer")
    first = answers(client)[-1][1]
    other = {"one": "two", "two": "one"}[first]

    killed = time.monotonic()
    pool.proxies[first].kill_group()
    took = gap(client, other, killed)
    print(f"a proxy that is killed: {took:.1f} s without an answer", flush=True)
    assert took < 8 * PATIENCE, took
    assert not pool.has_address(first) and pool.has_address(other)

    # Back, it does not take the address again.
    pool.start_proxy(first)
    wait_until(lambda: answers(client)[-1][0] > killed + took + 8, "some time", 60)
    assert {by for at, by in answers(client) if at > killed + took + 0.5} == {other}, "clients are moved for nothing"

    # The machine is gone.
    cut = time.monotonic()
    hosts.ip("link", "set", "eth0", "down", host=lan[other].name)
    took = gap(client, first, cut)
    print(f"a machine that is cut off: {took:.1f} s without an answer", flush=True)
    assert took < 8 * PATIENCE, took
    client.stop(signal.SIGKILL)
