"""A real etcd of one member for the proxies of a cluster, on free ports of loopback, and what a scenario looks at there."""
import base64
import json
import os
import shutil
import subprocess
import urllib.request

from lib import needs
from lib.bench import FOLDER, ctl, free_port, wait_until

PREFIX = "/policypool/policypool/v1/"


def value_of(row):
    text = base64.b64decode(row["value"]).decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


class Etcd:
    def __init__(self, bench, name="e1"):
        needs.need_command("etcd")
        self.bench, self.folder = bench, os.path.join(FOLDER, name)
        self.port, self.peers = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.argv = ["etcd"]
        bench.keep(self)
        self.start()

    def start(self):
        peers = f"http://127.0.0.1:{self.peers}"
        with open(self.folder + ".log", "ab") as log:
            self.process = subprocess.Popen(
                ["etcd", "--name", "e1", "--data-dir", self.folder, "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
                 "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", f"e1={peers}"],
                stdout=log, stderr=log, start_new_session=True)
        wait_until(self.answers, "etcd answers", 60)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        self.kill()
        return 0

    @property
    def output(self):
        with open(self.folder + ".log", errors="replace") as f:
            return f.read()

    def wipe(self):
        """Another etcd, with nothing in it, where this one was."""
        self.kill()
        shutil.rmtree(self.folder)
        self.start()

    def answers(self):
        try:
            self.call("kv/range", key="", range_end="")
            return True
        except OSError as e:
            return getattr(e, "code", None) == 400  # of an empty key

    def call(self, what, **fields):
        body = json.dumps({k: base64.b64encode(v.encode()).decode() if isinstance(v, str) else v for k, v in fields.items()})
        with urllib.request.urlopen(f"{self.url}/v3/{what}", body.encode(), timeout=10) as r:
            return json.load(r)

    def put(self, key, value):
        self.call("kv/put", key=PREFIX + key, value=value if isinstance(value, str) else json.dumps(value))

    def delete(self, key):
        self.call("kv/deleterange", key=PREFIX + key)

    def rows(self):
        """All below the prefix, by what follows it."""
        got = self.call("kv/range", key=PREFIX, range_end=PREFIX[:-1] + "0").get("kvs", [])
        return {base64.b64decode(r["key"]).decode()[len(PREFIX):]: value_of(r) for r in got}

    def proxy(self, id, *options, port=0, workers=1, ttl="2s"):
        return self.bench.proxy(port=port, workers=workers, options=["--id", id, "--store", self.url, "--store-ttl", ttl, *options])


def store_of(proxy):
    return ctl(proxy.socket, "store")


def wait_store(proxy, **wanted):
    def look():
        s = store_of(proxy)
        return all(s[k] == v for k, v in wanted.items())
    wait_until(look, f"the store is {wanted}")
