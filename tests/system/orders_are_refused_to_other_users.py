"""Any user may look; orders are for root and the daemon's own user, and no user keeps them out by looking all the time.  (Only root can try as somebody else.)"""
import os
import subprocess
import sys
from lib.bench import Bench, ctl, for_anybody, wait_until, workers


def as_nobody(socket, *argv):
    return subprocess.run([for_anybody("ppool-ctl"), "-s", socket, *argv], capture_output=True, text=True, timeout=30,
                          preexec_fn=lambda: (os.setgroups([]), os.setgid(65534), os.setuid(65534)) if os.geteuid() == 0 else None)


with Bench() as b:
    folder = b.runtime
    while folder != "/tmp" and os.geteuid() == 0:  # where nobody may go through
        os.chmod(folder, 0o755)
        folder = os.path.dirname(folder)
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    for daemon in (proxy, server):
        before = workers(daemon)
        assert as_nobody(daemon.socket, "status").returncode == 0
        of_proxy = [[order, "1"] for order in ("drain", "enable", "disable", "remove")] if daemon is proxy else []
        for order in (*of_proxy, ["stop"], ["stop", "now"], ["reload"], ["upgrade"], ["reopen"], ["scale", "7"], ["recycle", "0"]):
            done = as_nobody(daemon.socket, *order)
            if os.geteuid() == 0:
                assert done.returncode == 1 and "only root and the daemon's own user may" in done.stderr, (order, done)
        if os.geteuid() == 0:
            assert workers(daemon) == before
    if os.geteuid() == 0:
        hold = "import socket, sys; held = []\nfor _ in range(100):\n s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); held.append(s)\nprint(flush=True); sys.stdin.read()"
        holder = subprocess.Popen([sys.executable, "-c", hold, proxy.socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  preexec_fn=lambda: (os.setgroups([]), os.setgid(65534), os.setuid(65534)))
        holder.stdout.readline()
        proxy.wait_for("control connection refused")
        assert as_nobody(proxy.socket, "status").returncode != 0, "there is no end of lookers"
        assert ctl(proxy.socket, "status")["state"] == "running"
        holder.communicate()
        wait_until(lambda: as_nobody(proxy.socket, "status").returncode == 0, "room for a reader")
