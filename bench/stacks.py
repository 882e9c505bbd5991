"""The stacks that are measured, ours and the others: started on free ports of the loopback in a folder of their own,
ended by the ids of their processes."""
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

import processes

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = "return redis.sha1hex(ARGV[1])"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(predicate, what, seconds=20):
    never = threading.Event()
    for _ in range(int(seconds / 0.02)):
        got = predicate()
        if got:
            return got
        never.wait(0.02)
    raise RuntimeError(f"not in time: {what}")


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


class Stack:
    """name, the arguments that make the load generator speak to it, and its programs."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = os.path.join(folder, re.sub(r"\W+", "-", name))
        os.makedirs(self.folder, exist_ok=True)
        self.started = []  # (program, process)
        self.load = []

    def __enter__(self):
        """A port that was free a moment ago may be taken by now: then once more, on others."""
        for last in (False, False, True):
            try:
                self.begin()
                return self
            except RuntimeError:
                self.stop()
                if last:
                    raise
            except BaseException:
                self.stop()
                raise

    def __exit__(self, *_):
        self.stop()

    def begin(self):
        """Starts everything and waits until it serves."""
        raise NotImplementedError

    def start(self, program, *argv, **options):
        log = open(os.path.join(self.folder, f"{program}.log"), "ab")
        with log:
            stdout = options.pop("stdout", log)
            process = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=stdout, stderr=log,
                                       cwd=self.folder, start_new_session=True, **options)
        self.started.append((program, process))
        return process

    def wait_port(self, process, port):
        wait_until(lambda: process.poll() is not None or answers(port), f"port {port} of {self.name}")
        if process.poll() is not None:
            raise RuntimeError(f"{self.name}: {process.args[0]} ended with {process.returncode}; see {self.folder}")

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def roots(self):
        """{program: process ids}"""
        found = {}
        for program, process in self.started:
            found.setdefault(program, []).append(process.pid)
        return found

    def cpu(self):
        return {program: processes.cpu_seconds(pids) for program, pids in self.roots().items()}

    def peak(self):
        return {program: processes.peak_bytes(pids) for program, pids in self.roots().items()}

    def stop(self):
        for _, process in reversed(self.started):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.started = []


class Policypool(Stack):
    """A proxy and servers of one policy; none with servers=0."""

    def __init__(self, folder, programs, name="policypool", workers=2, servers=2, proxy=(), server=()):
        super().__init__(name, folder)
        self.programs, self.workers, self.servers, self.proxy, self.server = programs, workers, servers, proxy, server

    def begin(self):
        common = ["--runtime-dir", self.folder, "--narrate", "no", "--workers"]
        self.port = free_port()
        self.load = ["--port", self.port]
        p = self.start("ppool-proxy", f"{self.programs}/ppool-proxy", "-port", self.port, *common, self.workers,
                       *self.proxy)
        self.wait_port(p, self.port)
        self.socket = f"{self.folder}/ppool-proxy-{self.port}.sock"
        wait_until(lambda: os.path.exists(self.socket), "the control socket")
        for i in range(self.servers):
            port = free_port()
            p = self.start("ppool-server", f"{self.programs}/ppool-server", "-id", i + 1, "-pp", "111", "-listen", port,
                           "-revproc", self.port, *common, 2, *self.server)
            self.wait_port(p, port)
            self.server_port = port
        wait_until(lambda: len(self.ctl("servers")) == self.servers, "the servers have joined")

    def ctl(self, verb):
        done = subprocess.run([f"{self.programs}/ppool-ctl", "-s", self.socket, "--json", verb], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"ppool-ctl {verb}: {done.stderr}")
        return json.loads(done.stdout)

    def announce(self, port, policies):
        """Servers that all stand at one port: the policy of each."""
        with socket.create_connection(("127.0.0.1", self.port)) as s, s.makefile() as replies:
            for i, policy in enumerate(policies):
                s.sendall(json.dumps({"type": 1, "id": f"s{i}", "privPolyId": policy, "listenport": port, "ack": 1, "keepalive": 1,
                                      "pipeline": 64, "slots": 65535}).encode())
                got = json.loads(replies.readline())
                if got["type"] != 4:
                    raise RuntimeError(f"not registered: {got}")


class Secure(Policypool):
    """The same with TLS on every leg, for a load that speaks it too."""

    def __init__(self, folder, programs, name="TLS on every leg"):
        folder = os.path.join(folder, re.sub(r"\W+", "-", name) + "-keys")
        os.makedirs(folder)
        self.make_keys(folder)
        listener = ["--tls", "optional", "--tls-certificate", f"{folder}/crt", "--tls-key", f"{folder}/key"]
        super().__init__(folder, programs, name, proxy=[*listener, "--server-ca", f"{folder}/ca.crt"],
                         server=listener)

    @staticmethod
    def make_keys(folder):
        """A certificate for 127.0.0.1, ECDSA with P-256, signed by a CA of its own."""
        for name, fields in (("ca", "cn = ca\nca\ncert_signing_key\n"),
                             ("", "cn = pool\nip_address = 127.0.0.1\ntls_www_server\nsigning_key\n")):
            prefix = f"{folder}/{name}." if name else f"{folder}/"
            with open(prefix + "template", "w") as f:
                f.write(fields + "expiration_days = 1\n")
            signer = ["--generate-self-signed"] if name else \
                ["--generate-certificate", "--load-ca-certificate", f"{folder}/ca.crt", "--load-ca-privkey", f"{folder}/ca.key"]
            for argv in (["--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1", "--outfile", prefix + "key"],
                         [*signer, "--load-privkey", prefix + "key", "--template", prefix + "template", "--outfile", prefix + "crt"]):
                subprocess.run(["certtool", *argv], check=True, capture_output=True)

    def begin(self):
        super().begin()
        self.load = [*self.load, "--tls"]


class Answer(Stack):
    """A server of every policy that joins nobody by itself."""

    def __init__(self, folder, programs):
        super().__init__("answer", folder)
        self.programs = programs

    def begin(self):
        p = self.start("answer", f"{self.programs}/bench/answer", stdout=subprocess.PIPE)
        self.port = int(p.stdout.readline())
        p.stdout.close()


class Straight:
    """The load goes to a server of that pool, past its proxy."""

    def __init__(self, pool):
        self.name = "policypool, straight to one server"
        self.load = ["--port", pool.server_port]
        self.cpu, self.peak = pool.cpu, pool.peak


class HaproxyNginx(Stack):
    SERVERS = 1  # nginx with two workers, as a server of ours has
    HAPROXY = """global
  nbthread 2
  maxconn 8000
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  http-reuse always
frontend front
  bind 127.0.0.1:{front} backlog 4096
  default_backend back
backend back
  server nginx 127.0.0.1:{back}
"""
    NGINX = """load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log error;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  client_body_buffer_size 4m;
  client_max_body_size 16m;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  init_by_lua_block {{
    local ffi = require "ffi"
    ffi.cdef "unsigned char *ngx_hex_dump(unsigned char *dst, const unsigned char *src, size_t len);"
    local hex = ffi.new("unsigned char[?]", 40)
    function digest()
      ngx.req.read_body()
      ffi.C.ngx_hex_dump(hex, ngx.sha1_bin(ngx.req.get_body_data()), 20)
      ngx.header.content_length = 40
      ngx.print(ffi.string(hex, 40))
    end
  }}
  server {{
    listen 127.0.0.1:{back} backlog=4096;
    location / {{ content_by_lua_block {{ digest() }} }}
  }}
}}
"""

    def __init__(self, folder):
        super().__init__("HAProxy and nginx", folder)

    def begin(self):
        front, back = free_port(), free_port()
        self.load = ["--protocol", "http", "--port", front]
        conf = self.file("nginx.conf", self.NGINX.format(folder=self.folder, back=back))
        self.wait_port(self.start("nginx", tool("nginx"), "-p", self.folder, "-c", conf, "-e", f"{self.folder}/nginx-start.log"), back)
        conf = self.file("haproxy.cfg", self.HAPROXY.format(front=front, back=back))
        self.wait_port(self.start("haproxy", tool("haproxy"), "-db", "-f", conf), front)


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
    SERVERS = 2

    def __init__(self, folder):
        super().__init__("Python peers", folder)

    def begin(self):
        port = self.peer("proxy")
        self.load = ["--port", port]
        for i in range(2):
            self.peer("server", i + 1, "111", port)

    def peer(self, kind, *argv):
        p = self.start(f"python {kind}", sys.executable, f"{HERE}/plain_peer.py", kind, *argv, stdout=subprocess.PIPE)
        port = int(p.stdout.readline())
        p.stdout.close()
        return port


def tool(name):
    """Debian keeps daemons out of the search path of ordinary users."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or name
