"""Real etcd on the loopback: one member or three, on free ports, each with a folder of its own.  A scenario that uses it is skipped
where there is none."""
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from lib.bench import FOLDER, free_port, wait_until
from lib.needs import need_command


def in64(text):
    return base64.b64encode(text.encode()).decode()


def from64(text):
    return base64.b64decode(text).decode()


class Member:
    def __init__(self, cluster, number, options):
        self.cluster, self.number, self.options = cluster, number, options
        self.data = tempfile.mkdtemp(prefix=f"etcd-{number}-", dir=FOLDER)
        self.port, self.peer = free_port(), free_port()
        self.scheme = cluster.scheme
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        peers = ",".join(f"m{m.number}=http://127.0.0.1:{m.peer}" for m in self.cluster.members)
        log = open(os.path.join(FOLDER, f"etcd-{self.number}.log"), "a")
        self.process = subprocess.Popen(
            ["etcd", "--name", f"m{self.number}", "--data-dir", os.path.join(self.data, "data"), "--log-level", "error",
             "--logger", "zap", "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
             "--listen-peer-urls", f"http://127.0.0.1:{self.peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{self.peer}",
             "--initial-cluster", peers, "--initial-cluster-token", self.cluster.token, *self.options],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        log.close()

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL, also of one that is stopped; its data stays."""
        if self.is_alive():
            self.process.kill()
            self.process.wait(30)

    def stop(self):
        """SIGSTOP: it takes connections and says nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def cont(self):
        self.process.send_signal(signal.SIGCONT)

    def wipe(self):
        """After kill(): it starts as one that was never there."""
        shutil.rmtree(os.path.join(self.data, "data"), ignore_errors=True)


class Etcd:
    """with Etcd() as etcd: b.proxy(etcd.store()); Etcd(3) has three members.  options: further ones of etcd, of each member."""

    def __init__(self, members=1, options=(), scheme="http", context=None):
        need_command("etcd")
        self.token, self.scheme, self.context = f"t{os.getpid()}", scheme, context
        self.members = []
        for i in range(members):
            self.members.append(Member(self, i + 1, list(options)))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        for m in self.members:
            m.kill()
            shutil.rmtree(m.data, ignore_errors=True)

    def start(self):
        """Those that do not run; until each answers."""
        for m in self.members:
            if not m.is_alive():
                m.start()
        for m in self.members:
            wait_until(lambda m=m: self.answers(m), f"etcd at {m.url}", 60)

    def kill(self):
        for m in self.members:
            m.kill()

    def wipe(self):
        """Of all members: as a cluster that was never there, with ids of its own."""
        self.kill()
        self.token += "w"
        for m in self.members:
            m.wipe()
        self.start()

    @property
    def urls(self):
        return [m.url for m in self.members]

    def ask(self, path, body, member=None, token=None, timeout=5):
        """By the JSON gateway: the answer, also that of an error."""
        head = {"Content-Type": "application/json", "Grpc-Metadata-hasleader": "true"}
        if token:
            head["Authorization"] = token
        request = urllib.request.Request((member or self.members[0]).url + path, json.dumps(body).encode(), head)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self.context) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as e:
            with e:
                return json.loads(e.read())

    def answers(self, member):
        try:
            return "header" in self.ask("/v3/kv/range", {"key": in64("any"), "limit": "1"}, member, timeout=1)
        except (OSError, ValueError):
            return False

    def rows(self, prefix="/policypool/", **more):
        """{key: value} of all below it, as texts."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        answer = self.ask("/v3/kv/range", {"key": in64(prefix), "range_end": in64(end)}, **more)
        return {from64(kv["key"]): from64(kv.get("value", "")) for kv in answer.get("kvs", [])}

    def put(self, key, value, **more):
        return self.ask("/v3/kv/put", {"key": in64(key), "value": in64(value)}, **more)

    def delete(self, key, **more):
        return self.ask("/v3/kv/deleterange", {"key": in64(key)}, **more)

    def revision(self):
        return int(self.ask("/v3/kv/range", {"key": in64("any")})["header"]["revision"])

    def compact(self):
        """All that is older than now is forgotten."""
        return self.ask("/v3/kv/compaction", {"revision": str(self.revision()), "physical": True})

    def with_authentication(self, user, password, prefix):
        """From now on only this user may read and write below the prefix, and root, with the password root, all."""
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        for path, body in (
                ("user/add", {"name": "root", "password": "root"}), ("role/add", {"name": "root"}),
                ("user/grant", {"user": "root", "role": "root"}), ("user/add", {"name": user, "password": password}),
                ("role/add", {"name": "proxies"}),
                ("role/grant", {"name": "proxies", "perm": {"permType": "READWRITE", "key": in64(prefix), "range_end": in64(end)}}),
                ("user/grant", {"user": user, "role": "proxies"}), ("enable", {})):
            answer = self.ask("/v3/auth/" + path, body)
            assert "error" not in answer, (path, answer)

    def store(self, *more):
        """Options of a proxy."""
        return ["--store", ",".join(self.urls), *more]
