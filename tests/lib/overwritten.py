"""A worker that was taken over: whatever it can write of the memory that others read is written, through /proc/PID/mem."""
import os
import re
import threading
from lib.bench import wait_until, workers


def shared(pid, mode):
    """[(start, end)] of its shared mappings of that mode."""
    with open(f"/proc/{pid}/maps") as f:
        found = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) .*$", f.read(), re.M)
    return [(int(a, 16), int(b, 16)) for a, b, m in found if m == mode]


def write(pid, start, data):
    """How many bytes were taken."""
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as f:
        f.seek(start)
        try:
            return f.write(data)
        except OSError:
            return 0


def holder(daemon, peer):
    """The worker that has the connection."""
    port = peer.socket.getsockname()[1]
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f]
    inode = next((r[9] for r in rows if r[1].endswith(f":{daemon.port:04X}") and r[2].endswith(f":{port:04X}")), None)
    for pid in workers(daemon):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                if inode and os.readlink(f"/proc/{pid}/fd/{fd}") == f"socket:[{inode}]":
                    return pid
            except FileNotFoundError:
                pass
    return None


def words(value):
    return lambda n, dice: (value.to_bytes(8, "little") * (n // 8 + 1))[:n]


PATTERNS = [words(2**64 - 1), words(0), words(1), words(2**63), words(2**56), words(0x201), words(0x01010101_01010101), words(0x3F),
            words(2**32 - 1), lambda n, dice: dice.randbytes(n), lambda n, dice: dice.randbytes(n)]


def overwrite(pid, pattern, dice):
    """All that it shares and can write."""
    for start, end in shared(pid, "rw-s"):
        assert write(pid, start, pattern(end - start, dice)) == end - start

class Load(threading.Thread):
    """A client that stays on its connection; counts what is wrong.  asks: the n-th of its packets, and whether that is its reply."""

    def __init__(self, peer, asks):
        super().__init__(daemon=True)
        self.peer, self.asks, self.asked, self.wrong, self.over = peer, asks, 0, [], threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            packet, is_right = self.asks(f"{id(self)} {self.asked}", self.asked)
            try:
                reply = self.peer.ask(packet)
            except OSError as e:
                reply = {"type": f"none: {e}"}
            if not is_right(reply):
                self.over.set()
                self.wrong.append(reply)
            self.asked += 1

    def goes_on(self, n):
        before = self.asked
        wait_until(lambda: self.asked > before + n or not self.is_alive(), "further answers", 60)
        assert self.is_alive() and not self.wrong, self.wrong
