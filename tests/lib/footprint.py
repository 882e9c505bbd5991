"""What processes take: which belong to a daemon, in which state, with how many descriptors and how much memory."""
import contextlib
import os
import resource

from lib.bench import SLOW

SANITIZED = SLOW > 1  # what is freed is kept for a while there


def state(pid):
    """The letter of proc(5); X when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def children(pid):
    """The living ones."""
    found = []
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            found = [int(p) for p in f.read().split()]
    except OSError:
        pass
    return [p for p in found if state(p) not in "ZX"]


def of_the_group(group):
    """{pid: state} of all processes that began with a daemon, its successors among them."""
    found = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and int(entry) != os.getpid():
            found[int(entry)] = fields[0]
    return found


def below(pid):
    """{pid: state} of a process and of all that it and its children have started, those that have ended but are not reaped too."""
    found = {pid: state(pid)}
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            for child in f.read().split():
                found.update(below(int(child)))
    return found


def resident(pid):
    """Bytes."""
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()


def descriptors(pid, sockets=True):
    """How many it has; without sockets, which in a worker are the connections of the moment."""
    n = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            n += sockets or not os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
        except OSError:
            pass  # closed meanwhile
    return n


class Footprint:
    """Descriptors and memory of a daemon's master, and the most of its workers'."""

    def __init__(self, daemon):
        pids = children(daemon.pid)
        self.files = descriptors(daemon.pid), max(descriptors(p, False) for p in pids)
        self.memory = resident(daemon.pid), max(map(resident, pids))

    def exceeds(self, before):
        """What has grown, in words; None when nothing has."""
        for name, i in (("master", 0), ("a worker", 1)):
            if self.files[i] > before.files[i] + 4:
                return f"{name} has {self.files[i]} descriptors, {before.files[i]} before"
            if self.memory[i] > before.memory[i] * 1.5 + (8 << 20) and not SANITIZED:
                return f"{name} holds {self.memory[i] >> 10} KiB, {before.memory[i] >> 10} before"
        return None


def disorder(daemon, workers, status):
    """None when the daemon is a master and so many workers, all well; otherwise what is not.  status: what it tells of itself.
    After an upgrade the process that was started is the master's parent."""
    processes = below(daemon.process.pid)
    zombies = [p for p, s in processes.items() if s == "Z" and p != daemon.process.pid]
    if zombies:
        return f"{daemon.socket}: zombies {zombies}"
    living = {p for p, s in processes.items() if s not in "ZX"} - {daemon.process.pid}
    wanted = {daemon.pid, *children(daemon.pid)} - {daemon.process.pid}
    if living != wanted or len(children(daemon.pid)) != workers:
        return f"{daemon.socket}: {len(living)} processes, {len(wanted)} wanted, {workers} of them workers"
    if status["state"] != "running" or status["workers"] != {"wanted": workers, "ready": workers}:
        return f"{daemon.socket}: {status['state']}, {status['workers']}"
    return None
