"""A real etcd on free ports of loopback for the proxies of a cluster, and what a scenario looks at there.  A scenario that uses it is
skipped where there is none."""
import base64
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request

from lib import needs
from lib.bench import FOLDER, ctl, free_port, wait_until

PREFIX = "/policypool/policypool/v1/"


def in64(text):
    return base64.b64encode(text.encode()).decode()


def end_of(prefix):
    """The first key that is not below it."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def value_of(row):
    text = base64.b64decode(row["value"]).decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


class Etcd:
    """options: further ones of etcd.  context: how to speak to one that is to be asked by https.  members: of the cluster that it is
    one of, which begins by begin(); None: it is alone."""

    def __init__(self, bench, name="e1", options=(), context=None, members=None):
        needs.need_command("etcd")
        self.bench, self.folder, self.options, self.context = bench, os.path.join(FOLDER, name), list(options), context
        self.name, self.members = name, [self] if members is None else members
        self.port, self.peers = free_port(), free_port()
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self.argv, self.process = ["etcd"], None
        bench.keep(self)
        if members is None:
            self.start()

    def start(self):
        self.begin()
        wait_until(self.answers, "etcd answers", 60)

    def begin(self):
        peers = f"http://127.0.0.1:{self.peers}"
        all_peers = ",".join(f"{m.name}=http://127.0.0.1:{m.peers}" for m in self.members)
        with open(self.folder + ".log", "ab") as log:
            self.process = subprocess.Popen(
                ["etcd", "--name", self.name, "--data-dir", self.folder, "--log-level", "error", "--logger", "zap",
                 "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
                 "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", all_peers,
                 *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def kill(self):
        """What it had is there when it starts again."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def alive(self):
        return self.process is not None and self.process.poll() is None

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
            self.call("kv/range", key="any")
            return True
        except urllib.error.HTTPError as e:
            with e:
                return e.code != 503
        except OSError:
            return False

    def call(self, what, **fields):
        """By the JSON gateway."""
        request = urllib.request.Request(f"{self.url}/v3/{what}", json.dumps(fields).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10, context=self.context) as r:
            return json.load(r)

    def put(self, key, value):
        self.call("kv/put", key=in64(PREFIX + key), value=in64(value if isinstance(value, str) else json.dumps(value)))

    def delete(self, key):
        self.call("kv/deleterange", key=in64(PREFIX + key))

    def rows(self):
        """All below the prefix, by what follows it."""
        got = self.call("kv/range", key=in64(PREFIX), range_end=in64(end_of(PREFIX))).get("kvs", [])
        return {base64.b64decode(r["key"]).decode()[len(PREFIX):]: value_of(r) for r in got}

    def require_login(self, rights):
        """rights: {user: a prefix}, below which that user may read and write; the password is the user's name.  From now on nobody
        else may but root."""
        self.call("auth/user/add", name="root", password="root")
        self.call("auth/role/add", name="root")
        self.call("auth/user/grant", user="root", role="root")
        for user, prefix in rights.items():
            self.call("auth/user/add", name=user, password=user)
            self.call("auth/role/add", name=user)
            self.call("auth/role/grant", name=user, perm={"permType": "READWRITE", "key": in64(prefix), "range_end": in64(end_of(prefix))})
            self.call("auth/user/grant", user=user, role=user)
        self.call("auth/enable")

    def proxy(self, id, *options, port=0, workers=1, ttl="2s"):
        return self.bench.proxy(port=port, workers=workers, options=["--id", id, "--store", self.url, "--store-ttl", ttl, *options])


class Cluster:
    """Three of them, as one."""

    def __init__(self, bench):
        self.members = []
        self.members += [Etcd(bench, f"m{n}", members=self.members) for n in (1, 2, 3)]
        self.start()

    @property
    def urls(self):
        return ",".join(m.url for m in self.members)

    def start(self):
        """Those that do not run; until each answers."""
        for m in self.members:
            if not m.alive():
                m.begin()
        for m in self.members:
            wait_until(m.answers, f"etcd {m.name} answers", 60)

    def kill(self):
        for m in self.members:
            m.kill()

    def leader(self):
        def leads(m):
            told = m.call("maintenance/status")
            return told["leader"] == told["header"]["member_id"]
        return next(m for m in self.members if leads(m))


def store_of(proxy):
    return ctl(proxy.socket, "store")


def wait_store(proxy, **wanted):
    def look():
        s = store_of(proxy)
        return all(s[k] == v for k, v in wanted.items())
    wait_until(look, f"the store is {wanted}")
