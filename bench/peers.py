"""What policypool is measured against beside the stacks of the web: relatives (gearmand, NATS), twemproxy and Redis, Python programs,
and a relay that does the least that a proxy can."""
import hashlib
import json
import os
import socket
import sys
import urllib.request

from stacks import Missing, Policypool, Stack, free_port, tool, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = "return redis.sha1hex(ARGV[1])"


class TwemproxyRedis(Stack):
    SERVERS = 2
    TWEMPROXY = """pool:
  listen: 127.0.0.1:{front}
  redis: true
  distribution: ketama
  backlog: 4096
  servers:
"""

    def __init__(self, folder):
        super().__init__("twemproxy and 2 Redis", folder)

    def begin(self):
        front = free_port()
        conf = self.TWEMPROXY.format(front=front)
        for _ in range(2):
            port = free_port()
            p = self.start("redis-server", tool("redis-server"), "--port", port, "--bind", "127.0.0.1", "--save", "",
                           "--appendonly", "no", "--dir", self.folder)
            self.wait_port(p, port)
            self.load_script(port)
            conf += f"   - 127.0.0.1:{port}:1\n"
        path = self.file("nutcracker.yml", conf)
        p = self.start("nutcracker", tool("nutcracker"), "-c", path, "-s", free_port(), "-a", "127.0.0.1", "-v", "0")
        self.wait_port(p, front)
        digest = hashlib.sha1(SCRIPT.encode()).hexdigest()
        self.load = ["--protocol", "redis", "--port", front, "--script", digest, "--name", "k", "--policies", 64]

    @staticmethod
    def load_script(port):
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(f"*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n${len(SCRIPT)}\r\n{SCRIPT}\r\n".encode())
            if not s.recv(100).startswith(b"$40"):
                raise RuntimeError("Redis did not take the script")


class PlainPeers(Stack):
    """Python programs that serve one connection after the other and print nothing."""
    SERVERS = 2
    NAME, PROGRAM = "Python peers", "plain_peer.py"

    def __init__(self, folder):
        super().__init__(self.NAME, folder)

    def begin(self):
        port = self.peer("proxy")
        self.load = ["--port", port]
        for i in range(2):
            self.peer("server", i + 1, "111", port)

    def peer(self, kind, *argv):
        return self.start_printing(f"python {kind}", sys.executable, f"{HERE}/{self.PROGRAM}", kind, *argv)


class Threads(PlainPeers):
    """What the original Python programs did."""
    NAME, PROGRAM = "Python programs with threads", "threads_peer.py"


class Relay(Policypool):
    """Servers of ours with a relay of bytes before them, which parses nothing; their own proxy has nothing to do.
    shared: connections to each server; 0: one for each client."""
    SERVERS = 2

    def __init__(self, folder, programs, shared=0):
        super().__init__(folder, programs, f"relay, {shared} shared connections a server" if shared else "relay, a connection through each")
        self.shared = shared

    def begin(self):
        super().begin()
        ports = [p.args[p.args.index("-listen") + 1] for p in self.backends]
        port = self.start_printing("relay", f"{self.programs}/bench/relay", *(["--shared", self.shared] if self.shared else []), *ports)
        self.load = ["--port", port]


def built(programs, name, package):
    path = f"{programs}/bench/{name}"
    if not os.path.exists(path):
        raise Missing(f"{name} is not built: it needs {package}")
    return path


class Gearmand(Stack):
    """gearmand, and as many servers of C workers."""
    SERVERS = 2

    def __init__(self, folder, programs, servers=2, workers=2, timeout=0):
        super().__init__("gearmand and C", folder)
        self.programs, self.servers, self.workers, self.timeout, self.backends = programs, servers, workers, timeout, []

    def begin(self):
        worker = built(self.programs, "gearman_worker", "libgearman-dev")
        port = free_port()
        self.load = ["--protocol", "gearman", "--port", port, "--name", "sha1"]
        self.wait_port(self.start("gearmand", tool("gearmand"), "-L", "127.0.0.1", "-p", port, "-t", 2, "-l", "stderr"), port)
        self.backends = [self.start("workers", worker, port, self.workers, self.timeout) for _ in range(self.servers)]
        wait_gearman(port, self.servers * self.workers)


def wait_gearman(port, workers):
    def up():
        with socket.create_connection(("127.0.0.1", port)) as s, s.makefile() as replies:
            s.sendall(b"status\n")
            lines = list(iter(lambda: replies.readline().strip(), "."))
            return any(line.split("\t")[0] == "sha1" and int(line.split("\t")[3]) == workers for line in lines)
    wait_until(up, "gearmand's workers")


class Nats(Stack):
    """nats-server, and as many servers of C workers; asap: they send each reply at once."""
    SERVERS = 2

    def __init__(self, folder, programs, servers=2, workers=2, asap=True):
        super().__init__("nats-server and C", folder)
        self.programs, self.servers, self.workers, self.asap, self.backends = programs, servers, workers, asap, []

    def begin(self):
        worker = built(self.programs, "nats_worker", "libnats-dev")
        port, monitor = free_port(), free_port()
        self.load = ["--protocol", "nats", "--port", port, "--name", "sha1"]
        self.wait_port(self.start("nats-server", tool("nats-server"), "-a", "127.0.0.1", "-p", port, "-m", monitor), port)
        self.backends = [self.start("workers", worker, port, self.workers, "asap" if self.asap else "gathered")
                         for _ in range(self.servers)]
        wait_until(lambda: self.subscriptions(monitor) >= self.servers * self.workers, "NATS' workers")

    @staticmethod
    def subscriptions(monitor):
        with urllib.request.urlopen(f"http://127.0.0.1:{monitor}/connz?subs=1", timeout=5) as reply:
            return sum(c.get("subscriptions", 0) for c in json.load(reply)["connections"])
