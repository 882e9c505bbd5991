"""The stacks that are measured, ours and the others: started on free ports of the loopback in a folder of their own,
ended by the ids of their processes."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading

import processes

HERE = os.path.dirname(os.path.abspath(__file__))


class Missing(RuntimeError):
    """A program of a stack is not there."""


def tool(name):
    """Debian keeps daemons out of the search path of ordinary users."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise Missing(f"there is no {name}")
    return found


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
    """name, the arguments that make the load generator speak to it, and its programs.  backends: those that stand for a server,
    each with workers below it."""

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
            except RuntimeError as e:
                self.stop()
                if last or isinstance(e, Missing):
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
        with open(os.path.join(self.folder, f"{program}.log"), "ab") as log:
            stdout = options.pop("stdout", log)
            process = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=stdout, stderr=log,
                                       cwd=self.folder, start_new_session=True, **options)
        self.started.append((program, process))
        return process

    def start_printing(self, program, *argv):
        """One that prints its port."""
        p = self.start(program, *argv, stdout=subprocess.PIPE)
        with p.stdout:
            return int(p.stdout.readline())

    def again(self, process):
        """It and all that it has started are killed, and it is started once more.  What it wrote to nobody goes to its log."""
        i = next(i for i, (_, p) in enumerate(self.started) if p is process)
        for pid in processes.tree([process.pid]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        new = self.start(self.started[i][0], *process.args)
        self.started[i] = self.started.pop()
        return new

    def wait_port(self, process, port):
        self.wait_for(process, lambda: answers(port), f"port {port}")

    def wait_for(self, process, predicate, what):
        """Until that is so; an error is what the process has said last, should it end before."""
        wait_until(lambda: process.poll() is not None or predicate(), f"{what} of {self.name}")
        if process.poll() is not None:
            program = next(name for name, p in self.started if p is process)
            with open(os.path.join(self.folder, f"{program}.log"), errors="replace") as f:
                said = f.read().strip().splitlines()[-1:]
            raise RuntimeError(f"{self.name}: {program} ended with {process.returncode}: {' '.join(said)}")

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
            with contextlib.suppress(ProcessLookupError):  # fcgiwrap ends without its children
                os.killpg(process.pid, signal.SIGKILL)
        self.started = []


class Policypool(Stack):
    """A proxy and servers of one policy; none with servers=0."""

    def __init__(self, folder, programs, name="policypool", workers=2, servers=2, proxy=(), server=(), server_workers=2):
        super().__init__(name, folder)
        self.programs, self.workers, self.servers, self.proxy, self.server = programs, workers, servers, proxy, server
        self.server_workers, self.backends = server_workers, []

    def begin(self):
        common = ["--runtime-dir", self.folder, "--narrate", "no", "--workers"]
        self.backends, self.socket = [], f"{self.folder}/control.sock"
        self.port = self.place("proxy")
        self.load = ["--port", self.port]
        p = self.start("ppool-proxy", f"{self.programs}/ppool-proxy", "-port", self.port, "--control", self.socket, *common, self.workers, *self.proxy)
        self.wait_place(p, self.port)
        wait_until(lambda: os.path.exists(self.socket), "the control socket")
        for i in range(self.servers):
            self.server_port = self.place(f"server{i}")
            p = self.start("ppool-server", f"{self.programs}/ppool-server", "-id", i + 1, "-pp", "111", "-listen", self.server_port,
                           "-revproc", self.port, *common, self.server_workers, *self.server)
            self.wait_place(p, self.server_port)
            self.backends.append(p)
        wait_until(lambda: len(self.ctl("servers")) == self.servers, "the servers have joined")

    def place(self, _name):
        """Where one of the daemons is to listen."""
        return free_port()

    def wait_place(self, process, place):
        self.wait_port(process, place)

    def ctl(self, verb, *of):
        """Of the proxy, or of the daemon that is named otherwise."""
        of = ["-r", self.folder, *of] if of else ["-s", self.socket]
        done = subprocess.run([f"{self.programs}/ppool-ctl", *of, "--json", verb], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"ppool-ctl {verb}: {done.stderr}")
        return json.loads(done.stdout)

    def announce(self, port, policies, pipeline=64):
        """Servers that all stand at one port: the policy of each."""
        with socket.create_connection(("127.0.0.1", self.port)) as s, s.makefile() as replies:
            for i, policy in enumerate(policies):
                s.sendall(json.dumps({"type": 1, "id": f"s{i}", "privPolyId": policy, "listenport": port, "ack": 1, "keepalive": 1,
                                      "pipeline": pipeline, "slots": 65535}).encode())
                got = json.loads(replies.readline())
                if got["type"] != 4:
                    raise RuntimeError(f"not registered: {got}")


class Unix(Policypool):
    """The same with Unix sockets on every leg."""

    def begin(self):
        asked = subprocess.run([f"{self.programs}/ppool-proxy", "-port", self.place("proxy"), "-T"], capture_output=True)
        if asked.returncode:
            raise Missing("these programs listen at no Unix sockets")
        open_to_all = ["--listen-mode", "0666"]  # workers of root's daemons have another user
        self.proxy, self.server = [*self.proxy, *open_to_all], [*self.server, *open_to_all]
        super().begin()

    def place(self, name):
        return f"unix:{self.folder}/{name}.sock"

    def wait_place(self, process, place):
        path = place.removeprefix("unix:")
        self.wait_for(process, lambda: os.path.exists(path), place)


def make_keys(folder):
    """A certificate for 127.0.0.1, ECDSA with P-256, signed by a CA of its own.  Returns their folder."""
    folder = os.path.join(folder, "keys")
    if os.path.isdir(folder):
        return folder
    os.makedirs(folder)
    for name, fields in (("ca", "cn = ca\nca\ncert_signing_key\n"),
                         ("", "cn = pool\nip_address = 127.0.0.1\ntls_www_server\nsigning_key\n")):
        prefix = f"{folder}/{name}." if name else f"{folder}/"
        with open(prefix + "template", "w") as f:
            f.write(fields + "expiration_days = 1\n")
        signer = ["--generate-self-signed"] if name else \
            ["--generate-certificate", "--load-ca-certificate", f"{folder}/ca.crt", "--load-ca-privkey", f"{folder}/ca.key"]
        for argv in (["--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1", "--outfile", prefix + "key"],
                     [*signer, "--load-privkey", prefix + "key", "--template", prefix + "template", "--outfile", prefix + "crt"]):
            subprocess.run([tool("certtool"), *argv], check=True, capture_output=True)
    return folder


class Secure(Policypool):
    """The same with TLS on every leg, or from clients alone, for a load that speaks it too."""

    def __init__(self, folder, programs, name="TLS on every leg", servers=2, every_leg=True):
        keys = make_keys(folder)
        listener = ["--tls", "optional", "--tls-certificate", f"{keys}/crt", "--tls-key", f"{keys}/key"]
        super().__init__(folder, programs, name, servers=servers, proxy=[*listener, "--server-ca", f"{keys}/ca.crt"],
                         server=listener if every_leg else ())

    def begin(self):
        super().begin()
        self.load = [*self.load, "--tls"]


class Answer(Stack):
    """A server of every policy that joins nobody by itself; the program answer_http: the same for HTTP."""

    def __init__(self, folder, programs, program="answer"):
        super().__init__(program, folder)
        self.programs, self.program = programs, program

    def begin(self):
        self.port = self.start_printing("answer", f"{self.programs}/bench/{self.program}")


class Straight:
    """The load goes to a server of that pool, past its proxy."""

    def __init__(self, pool):
        self.name = "policypool, straight to one server"
        self.load = ["--port", pool.server_port]
        self.cpu, self.peak = pool.cpu, pool.peak
