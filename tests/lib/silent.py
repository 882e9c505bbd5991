"""Readers of a daemon's output that do not read, and what must go on meanwhile."""
import os
import subprocess
from lib.bench import FOLDER, SLOW, WRAP, client_json, ctl, ctl_run, for_anybody, wait_until

NOBODY = 65534


def start(argv, user=None, **popen):
    """The daemon as another user than the one that made its pipes, as `setpriv --reuid` starts it."""
    def become():
        if user is not None:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
    return subprocess.Popen(WRAP + [str(a) for a in argv], stdin=subprocess.DEVNULL, start_new_session=True, cwd="/", preexec_fn=become,
                            **popen)


def folder_of(user, name="of-nobody"):
    path = os.path.join(FOLDER, name)
    os.makedirs(path, exist_ok=True)
    if user is not None:
        os.chown(path, user, user)
    return path


def up(path, process, seconds=30):
    """Until the daemon at this control socket serves."""
    def look():
        assert process.poll() is None, f"it ended with {process.returncode}"
        return os.path.exists(path) and ctl_run("-s", path, "--json", "status")[0] == 0 and ctl(path, "status")["state"] == "running"
    wait_until(look, f"a daemon at {path}", seconds)
    return path


def dropped(path):
    return ctl(path, "status")["log_lines_dropped"]


def answered(port, count=3000):
    status, got = client_json(port, "--policy", "111", "--count", count, "--parallel", 4, "--size", 20)
    assert status == 0 and got["correct"] == count, got


def stops(process):
    """TERM is obeyed, by the master and all its workers."""
    process.terminate()
    assert process.wait(30 * SLOW) == 0


def whole_lines(text):
    lines = text.split("\n")
    assert lines[-1] == "", f"half a line: {lines[-1]!r}"
    return lines[:-1]
