"""A scenario's workbench: real daemons on free ports, in a folder of their own, ended with the scenario."""
import contextlib
import hashlib
import json
import os
import re
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time

from lib.plain import connect

PROGRAMS = os.environ["POLICYPOOL_PROGRAMS"]
FOLDER = os.environ["POLICYPOOL_SCENARIO"]
WRAP = shlex.split(os.environ.get("POLICYPOOL_WRAP", ""))
SLOW = 4 if WRAP or "address" in os.path.basename(PROGRAMS) else 1
# Limits of waiting grow with what runs beside the scenario (tests/run-system --beside), clocks under test don't.
PATIENCE = SLOW * float(os.environ.get("POLICYPOOL_PATIENCE", "1"))


def sha1(text):
    return hashlib.sha1(text.encode() if isinstance(text, str) else text).hexdigest()


def wait_until(predicate, what, seconds=30):
    """The one place that polls: until predicate() is true, or the scenario fails naming `what`.  Looks are counted, not the
    clock, so that a machine that stood still has not used up the time."""
    never = threading.Event()
    for _ in range(int(seconds * PATIENCE / 0.02)):
        got = predicate()
        if got:
            return got
        never.wait(0.02)
    raise AssertionError(f"not in time: {what}")


def runs(pid):
    """Is there such a process, and no mere zombie?"""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def allow_files(n):
    """Raises this process's limit of open files; what it got."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = n if hard == resource.RLIM_INFINITY else min(n, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, want), hard))
    return max(soft, want)


class Daemon:
    """A program in front, its output read as it comes."""

    def __init__(self, argv, stdin=None, **popen):
        if {"ppool-proxy", "ppool-server"} & {os.path.basename(str(a)) for a in argv} and "--narrate" not in argv:
            argv = [*argv, "--narrate", "yes"]  # which is for terminals otherwise
        self.argv = argv
        self.output = ""
        self.process = subprocess.Popen(WRAP + argv, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True, cwd=FOLDER, **popen)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while chunk := os.read(self.process.stdout.fileno(), 65536):
            self.output += chunk.decode(errors="replace")

    successor = None  # the pid of the process that it was upgraded to

    @property
    def pid(self):
        return self.successor or self.process.pid

    def upgraded(self, former):
        """Another process answers on the control socket by now: from here on that is the daemon."""
        self.successor = wait_until(lambda: (now := ctl(self.socket, "status")["pid"]) != former and now, "a successor")
        return self

    def upgrade(self):
        former = self.pid
        status, out, err = ctl_run("-s", self.socket, "upgrade")
        assert status == 0, (out, err)
        return self.upgraded(former)

    def wait_for(self, pattern, seconds=30):
        def look():
            found = re.search(pattern, self.output)
            if not found and self.process.poll() is not None:
                self.reader.join(2)
                found = re.search(pattern, self.output)
                assert found, f"{self.argv[0]} ended with {self.process.returncode}:\n{self.output}"
            return found
        try:
            return wait_until(look, f"{pattern!r} from {os.path.basename(self.argv[0])}", seconds)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.output}") from None

    def said(self, text, times=1):
        """How often the text is in its output, which is read a moment after it was written: at least as often as this."""
        wait_until(lambda: self.output.count(text) >= times or self.process.poll() is not None and not self.reader.is_alive(), f"{text!r}")
        assert self.output.count(text) >= times, f"{text!r} is not in:\n{self.output}"
        return self.output.count(text)

    def alive(self):
        return runs(self.successor) if self.successor else self.process.poll() is None

    def send_signal(self, number):
        os.kill(self.pid, number) if self.successor else self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=20):
        """Its exit status."""
        if self.alive():
            self.send_signal(number)
        return self.wait(seconds)

    def wait(self, seconds=20):
        """Its exit status; that of one that it was upgraded to is nobody's to know, so 0."""
        status = self.process.wait(seconds * PATIENCE)
        wait_until(lambda: self.successor is None or not runs(self.successor), "the successor's end", seconds)
        self.reader.join(2)
        return status

    def kill_group(self):
        """The whole daemon at once, as if the machine had lost it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def place(listen):
    """Of the addresses that a daemon serves at: the first port, or None, and what it is called by."""
    for at in listen.strip('"').split(", "):
        if not at.startswith("unix:"):
            port = int(at.rpartition(":")[2])
            return port, port
    return None, re.sub(r"\.sock$", "", re.split("[/@]", listen.strip('"').split(", ")[0])[-1])


class Proxy(Daemon):
    """port may name several addresses, "0,unix:/PATH"."""

    def __init__(self, bench, port=0, workers=2, options=()):
        super().__init__([f"{PROGRAMS}/ppool-proxy", "-port", str(port), "--runtime-dir", bench.runtime,
                          "--workers", str(workers), *map(str, options)])
        self.port, label = place(self.wait_for(r'msg="serving" listen=("[^"]+"|\S+) ')[1])
        self.socket = f"{bench.runtime}/ppool-proxy-{label}.sock"

    def servers(self):
        return {s["id"]: s for s in ctl(self.socket, "servers")}

    def wait_server(self, id, present=True, **wanted):
        def look():
            s = self.servers().get(str(id))
            return (s is not None) == present and all(s[k] == v for k, v in wanted.items())
        wait_until(look, f"server {id} {'present' if present else 'gone'} {wanted or ''}")


class Server(Daemon):
    def __init__(self, bench, id, policy, proxy, port=0, workers=2, options=(), wait=True):
        self.id = str(id)
        where = [] if proxy is None else ["-revproc", str(proxy.port if isinstance(proxy, Proxy) else proxy)]
        super().__init__([f"{PROGRAMS}/ppool-server", "-id", str(id), "-pp", str(policy), "-listen", str(port), *where,
                          "--runtime-dir", bench.runtime, "--workers", str(workers), *map(str, options)])
        self.port, _ = place(self.wait_for(r'msg="serving" id=.* listen=("[^"]+"|\S+) ')[1])
        self.socket = f"{bench.runtime}/ppool-server-{id}.sock"
        if wait and isinstance(proxy, Proxy):
            proxy.wait_server(id, addr=f"127.0.0.1:{self.port}")


def ctl_run(*argv):
    done = subprocess.run([f"{PROGRAMS}/ppool-ctl", *map(str, argv)], capture_output=True, text=True, timeout=60 * PATIENCE)
    return done.returncode, done.stdout, done.stderr


def ctl(path, verb, *args):
    status, out, err = ctl_run("-s", path, "--json", verb, *args)
    assert status == 0, f"ppool-ctl {verb}: {status} {err}"
    return json.loads(out)


def workers(daemon):
    return [w["pid"] for w in ctl(daemon.socket, "workers") if w["state"] == "ready"]


def reload(daemon):
    """Carried out, and every former worker has ended: until then one of them may still take a connection by the former settings."""
    status, out, err = ctl_run("-s", daemon.socket, "reload")
    assert status == 0, (out, err)
    wait_until(lambda: len(ctl(daemon.socket, "workers")) == ctl(daemon.socket, "status")["workers"]["wanted"], "the former workers end")
    return out


def open_files(daemon):
    """{pid: number of descriptors} of the master and its workers."""
    return {pid: len(os.listdir(f"/proc/{pid}/fd")) for pid in [daemon.pid, *workers(daemon)]}


def run(program, *argv, stdin=None, seconds=60):
    """(exit status, stdout, stderr) of a program that ends by itself."""
    done = subprocess.run([f"{PROGRAMS}/{program}", *map(str, argv)], input=stdin, capture_output=True, text=True,
                          timeout=seconds * PATIENCE, cwd=FOLDER)
    return done.returncode, done.stdout, done.stderr


def for_anybody(program):
    """A copy of the program where any user may execute it, also where the programs lie in a closed home."""
    path = os.path.join(FOLDER, program)
    if not os.path.exists(path):
        shutil.copy(f"{PROGRAMS}/{program}", path)
    return path


def client(proxy, *argv, stdin=None, seconds=60):
    port = proxy.port if hasattr(proxy, "port") else proxy
    return run("ppool-client", "-revproc", port, *argv, stdin=stdin, seconds=seconds)


def client_json(proxy, *argv, seconds=60):
    status, out, err = client(proxy, "--json", *argv, seconds=seconds)
    assert out, f"no summary: {status} {err}"
    return status, json.loads(out)


def request(payload="hello", policy="111", srcid="1", type="0", **more):
    return json.dumps({"type": type, "srcid": srcid, "privPoliId": policy, "payload": payload, **more}).encode()


class Peer:
    """A raw connection that reads whole objects; to a port, to a daemon's, or to "unix:/PATH" or "unix:@NAME"."""

    def __init__(self, port, seconds=20):
        self.socket = connect(getattr(port, "port", port))
        self.socket.settimeout(seconds * PATIENCE)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def read(self):
        """The next object, or None at the end of the stream."""
        while b"\n" not in self.rest:
            try:
                chunk = self.socket.recv(65536)
            except (ConnectionResetError, BrokenPipeError):
                chunk = b""
            if not chunk:
                assert not self.rest, f"cut: {self.rest[:200]!r}"
                return None
            self.rest += chunk
        line, _, self.rest = self.rest.partition(b"\n")
        return json.loads(line)

    def ask(self, data):
        return self.send(data).read()

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def closed(self):
        """True when nothing but the end follows."""
        return self.read() is None

    def close(self):
        self.socket.close()


def ask(port, data=None, **fields):
    """One request on a connection of its own."""
    with Peer(port) as p:
        return p.ask(data if data is not None else request(**fields))


def correct(reply, payload="hello"):
    return reply is not None and str(reply["type"]) == "2" and reply["payload"] == sha1(payload)


class Bench:
    """busy: why its daemons still have something to do when the scenario ends; otherwise they have to come to rest (lib/quiet.py)."""

    def __init__(self, busy=None):
        self.busy = busy
        self.runtime = os.path.join(FOLDER, "run")
        os.makedirs(self.runtime, exist_ok=True)
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None and self.busy is None:
                self.come_to_rest()
        except AssertionError:
            kind = AssertionError
            raise
        finally:
            self.stop(kind)

    def come_to_rest(self):
        from lib.quiet import quiet  # which stands on this module
        quiet(*(d for d in self.started if isinstance(d, (Proxy, Server)) and d.alive()))

    def stop(self, kind):
        for d in reversed(self.started):
            if not d.alive():
                continue
            status = d.stop()
            if kind is None:
                assert status == 0, f"{d.argv[0]} ended with {status}:\n{d.output}"
        if kind is not None:
            for d in self.started:
                print(f"--- {' '.join(map(str, d.argv))}\n{d.output[-6000:]}")

    def keep(self, daemon):
        self.started.append(daemon)
        return daemon

    def proxy(self, *args, **options):
        return self.keep(Proxy(self, *args, **options))

    def server(self, id="100", policy="111", proxy=None, **options):
        return self.keep(Server(self, id, policy, proxy, **options))

    def file(self, name, text):
        path = os.path.join(FOLDER, name)
        with open(path, "w") as f:
            f.write(text)
        return path


def free_port():
    """A port that was free a moment ago, for what must know it before it listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def still_serves(proxy, payload="still", **fields):
    """Others are served rightly, and as fast as ever: half of some connections in a moment that is less than any clock that is
    under test, so that neither a busy machine nor a worker that is held up by somebody goes for the other."""
    took = []
    for _ in range(7):
        begin = time.monotonic()
        assert correct(ask(proxy, payload=payload, **fields), payload), "another connection is not served"
        took.append(time.monotonic() - begin)
    assert sorted(took)[3] < 0.15 * SLOW, f"others are served slowly: {took}"
