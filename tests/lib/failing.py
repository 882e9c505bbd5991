"""What may come of a start in which one call fails: a clear error and status 1, or a daemon that serves and stops as ever.  Never a hang, a
crash, silence, or a process that stays."""
import os
import signal
import socket
import subprocess
import tempfile
import time

from lib.bench import PROGRAMS, PATIENCE, SLOW, correct, request
from lib.footprint import of_the_group

START = 15  # seconds that a start may take, and an end
REFUSED = (1, 2)  # exit statuses: it can't start; the settings can't be read
LOADER = 127  # libc's own, before main()


class Start:
    """A way to start a daemon, in a folder of its own; port and folder are filled in."""

    def __init__(self, name, *argv, policy):
        self.name, self.argv, self.policy = name, argv, policy

    def command(self, port, folder):
        return [a.format(port=port, folder=folder, programs=PROGRAMS) for a in self.argv]

    def settings(self, folder):
        """The files that the command names."""
        with open(f"{folder}/settings.conf", "w") as f:
            f.write(f'state_file = "{folder}/state"\nadmin = 127.0.0.1:0\naccess_log = all\naccess_log_file = "{folder}/access"\n'
                    if "proxy" in self.name else "admin = 127.0.0.1:0\n")


COMMON = ("--runtime-dir", "{folder}", "--workers", "2", "--narrate", "no", "--stop-timeout", "2s")
STARTS = (
    Start("ppool-proxy", "{programs}/ppool-proxy", "-c", "{folder}/settings.conf", "-port", "{port}", *COMMON, policy=None),
    Start("ppool-server", "{programs}/ppool-server", "-c", "{folder}/settings.conf", "-id", "1", "-pp", "111", "-listen", "{port}", *COMMON, policy="111"),
)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def serves(start, port):
    """Does it answer as it should?"""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            s.sendall(request(policy=start.policy or "nobody") + b"\n")
            got = s.makefile().readline()
    except OSError:
        return False
    return '"unknown-policy"' in got if start.policy is None else '"2"' in got


def killed(process):
    """All that it has begun, at once."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def ended_badly(process, output):
    status = process.returncode
    if status < 0 or status > 128:
        return f"ended by signal {-status if status < 0 else status - 128}"
    if status == LOADER and "error while loading shared libraries" in output():
        return None
    if status not in REFUSED:
        return f"ended with status {status}"
    return None if output().strip() else "ended without a word"


def left(process):
    """Processes that stay when it has ended, by name."""
    limit = time.monotonic() + 5 * PATIENCE
    while living := [p for p, s in of_the_group(process.pid).items() if s not in "ZX"]:
        if time.monotonic() > limit:
            return f"left behind: {living}"
        time.sleep(0.02)
    return None


def stop(process, daemon):
    """daemon: the pid of the master, which may be under a tracer."""
    os.kill(daemon, signal.SIGTERM)
    try:
        status = process.wait(START * PATIENCE)
    except subprocess.TimeoutExpired:
        return "did not stop"
    return None if status == 0 else f"serves, and stopped with status {status}"


def daemon_of(process, wrapped):
    """The tracer's first child, or the process itself."""
    if not wrapped:
        return process.pid
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as f:
        return int((f.read().split() or [process.pid])[0])


def outcome(start, process, port, output, wrapped):
    limit = time.monotonic() + START * PATIENCE
    while process.poll() is None:
        if serves(start, port):
            return stop(process, daemon_of(process, wrapped)) or left(process)
        if time.monotonic() > limit:
            return "neither serves nor ends"
        time.sleep(0.01)
    return ended_badly(process, output) or left(process)


def once(start, wrap=(), env=None):
    """Starts it so; (None or what was wrong, what it said)."""
    with tempfile.TemporaryDirectory(prefix="pp-faults-") as folder:
        os.chmod(folder, 0o755)
        start.settings(folder)
        said = os.path.join(folder, "said")

        def output():
            with open(said, errors="replace") as f:
                return f.read()
        port = free_port()
        with open(said, "w") as f:
            process = subprocess.Popen([*(w.replace("{folder}", folder) for w in wrap), *start.command(port, folder)], stdin=subprocess.DEVNULL, stdout=f, stderr=f, cwd=folder,
                                       env={**os.environ, **(env or {})}, start_new_session=True)
        try:
            return outcome(start, process, port, output, bool(wrap)), output()
        finally:
            killed(process)
