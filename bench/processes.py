"""What programs take from the machine, read from /proc: time of the processors, memory."""
import os


def tree(roots):
    """The processes of roots and all below them."""
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as f:
                parent = int(f.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry))
    found, todo = [], list(roots)
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def _lines(pid, name):
    try:
        with open(f"/proc/{pid}/{name}") as f:
            return f.readlines()
    except OSError:
        return []


def _kilobytes(pid, name, key):
    return sum(int(line.split()[1]) for line in _lines(pid, name) if line.startswith(key + ":"))


def cpu_seconds(roots):
    """Time on a processor so far, of every thread."""
    total = 0
    for pid in tree(roots):
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        total += sum(int(line.split()[0]) for t in threads for line in _lines(pid, f"task/{t}/schedstat"))
    return total / 1e9


def peak_bytes(roots):
    """The most that each process ever had resident, added up; pages shared between them count in each."""
    return 1024 * sum(_kilobytes(pid, "status", "VmHWM") for pid in tree(roots))


def own_bytes(roots):
    """Pages that are theirs now, shared ones divided among the sharers."""
    return 1024 * sum(_kilobytes(pid, "smaps_rollup", "Pss") for pid in tree(roots))
