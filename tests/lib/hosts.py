"""Hosts of a scenario's own: network namespaces, which need root; two on a wire, and what can be heard there, or several on a bridge."""
import contextlib
import os
import re
import signal
import subprocess
import sys

from lib.bench import FOLDER, PROGRAMS, SLOW, Daemon, wait_until

LAST_WORD = b"that was all"
ADDRESSES = ("192.0.2.1", "192.0.2.2")
LISTEN = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 0))
with open(sys.argv[2], "wb", buffering=0) as f:
    print("listening", flush=True)
    while True:
        f.write(s.recv(65536))
"""


FAR = """
import collections, ctypes, fcntl, os, select, struct, sys, time
delay, ends = float(sys.argv[1]), []
for name in sys.argv[2:]:
    with open(f"/run/netns/{name}") as f:
        if ctypes.CDLL(None, use_errno=True).setns(f.fileno(), 0) < 0:
            raise OSError(ctypes.get_errno(), name)
    ends.append(os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK))
    fcntl.ioctl(ends[-1], 0x400454ca, struct.pack("16sH22x", b"wire", 0x1001))  # TUNSETIFF: IFF_TUN, IFF_NO_PI
print("joined", flush=True)
way = {ends[0]: ends[1], ends[1]: ends[0]}
late = collections.deque()
while True:
    wait = max(0, late[0][0] - time.monotonic()) if late else None
    for fd in select.select(ends, [], [], wait)[0]:
        late.append((time.monotonic() + delay, way[fd], os.read(fd, 65536)))
    while late and late[0][0] <= time.monotonic():
        _, to, packet = late.popleft()
        os.write(to, packet)
"""


def on(name):
    """What runs a command on a host.  (ip netns exec mounts as well, which can't be done in a chroot.)"""
    return ["nsenter", f"--net=/run/netns/{name}"]


def ip(*argv, host=None):
    done = subprocess.run([*(on(host) if host else []), "ip", *argv], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(argv)}: {done.stderr}"


class Host:
    def __init__(self, name, address):
        self.name, self.address = name, address
        self.enter = on(name)

    def daemon(self, program, *argv):
        return Daemon([*self.enter, f"{PROGRAMS}/{program}", *map(str, argv)])

    def run(self, program, *argv):
        """(exit status, stdout, stderr)"""
        done = subprocess.run([*self.enter, f"{PROGRAMS}/{program}", *map(str, argv)], capture_output=True, text=True, cwd=FOLDER,
                              timeout=60 * SLOW)
        return done.returncode, done.stdout, done.stderr


def sweep():
    """Takes away what a scenario that was killed has left."""
    for line in subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.splitlines():
        if (m := re.match(r"ppool-(\d+)-\w+", line)) and not os.path.exists(f"/proc/{m[1]}"):
            subprocess.run(["ip", "netns", "del", line.split()[0]], check=False)


@contextlib.contextmanager
def two():
    """Two hosts that reach each other; gone with the block, however that ends."""
    sweep()
    names = [f"ppool-{os.getpid()}-{side}" for side in "ab"]
    made = []
    try:
        for name in names:
            ip("netns", "add", name)
            made.append(name)
            ip("link", "set", "lo", "up", host=name)
        ip("link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", names[1], host=names[0])
        for name, address in zip(names, ADDRESSES):
            ip("address", "add", f"{address}/24", "dev", "wire", host=name)
            ip("link", "set", "wire", "up", host=name)
        yield [Host(*pair) for pair in zip(names, ADDRESSES)]
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False)


@contextlib.contextmanager
def far(ms):
    """Two hosts so many ms apart, one way; gone with the block."""
    sweep()
    names = [f"ppool-{os.getpid()}-{side}" for side in "ab"]
    made, wire = [], None
    try:
        for name in names:
            ip("netns", "add", name)
            made.append(name)
            ip("link", "set", "lo", "up", host=name)
        wire = Daemon([sys.executable, "-c", FAR, str(ms / 1000), *names])
        wire.wait_for("joined")
        for name, address in zip(names, ADDRESSES):
            ip("address", "add", f"{address}/24", "dev", "wire", host=name)
            ip("link", "set", "wire", "up", host=name)
        yield [Host(*pair) for pair in zip(names, ADDRESSES)]
    finally:
        if wire is not None:
            wire.stop(signal.SIGKILL)
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False)


@contextlib.contextmanager
def lan(*roles):
    """A host a role, on a bridge: {role: Host}, of the addresses 10.0.0.1 and fd00::1 for the first, and so on; gone with the block."""
    sweep()
    names = {role: f"ppool-{os.getpid()}-{role}" for role in ("wire", *roles)}
    made = []
    try:
        for name in names.values():
            ip("netns", "add", name)
            made.append(name)
            ip("link", "set", "lo", "up", host=name)
        ip("link", "add", "bridge", "type", "bridge", host=names["wire"])
        ip("link", "set", "bridge", "up", host=names["wire"])
        for n, role in enumerate(roles, 1):
            ip("link", "add", "eth0", "type", "veth", "peer", "name", f"to{n}", "netns", names["wire"], host=names[role])
            ip("link", "set", f"to{n}", "master", "bridge", "up", host=names["wire"])
            ip("address", "add", f"10.0.0.{n}/24", "dev", "eth0", host=names[role])
            ip("address", "add", f"fd00::{n}/64", "dev", "eth0", "nodad", host=names[role])
            ip("link", "set", "eth0", "up", host=names[role])
        yield {role: Host(names[role], f"10.0.0.{n}") for n, role in enumerate(roles, 1)}
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False)


class Capture:
    """All that crosses the wire within the block, then in heard; host: the first of the two."""

    def __init__(self, host, name):
        self.host, self.path, self.heard = host, os.path.join(FOLDER, name), b""

    def __enter__(self):
        self.ear = Daemon([*self.host.enter, sys.executable, "-c", LISTEN, "wire", self.path])
        self.ear.wait_for("listening")
        return self

    def read(self):
        with open(self.path, "rb") as f:
            return f.read()

    def __exit__(self, kind, *_):
        """What was said before the last word has been heard when that is."""
        if kind is None:
            say = f"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto({LAST_WORD!r}, ({ADDRESSES[1]!r}, 9))"
            subprocess.run([*self.host.enter, sys.executable, "-c", say], check=True)
            wait_until(lambda: LAST_WORD in self.read(), "the last word on the wire")
        self.ear.stop(signal.SIGKILL)
        self.heard = self.read()
