"""Any user may send commands on the control socket by the thousand and read no answer, or leave: the next one is begun when the answer
to the former has left, those of whoever has left are not, and the daemon has its turns for registrations, for others and for TERM."""
import os
import socket
import subprocess
import sys
from lib.bench import Bench, Peer, ctl, ctl_run, wait_until
from lib.footprint import SANITIZED, resident

FLOOD = """
import socket, sys
held = []
for _ in range(20):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.setblocking(False)
    held.append(s)
    line = b'{"cmd":"%s"}\\n' % sys.argv[2].encode()
    try:
        while True:
            s.send(line * 500)
    except OSError:
        pass  # full, or refused
print(flush=True)
sys.stdin.read()
"""


def flood(daemon, verb):
    p = subprocess.Popen([sys.executable, "-c", FLOOD, daemon.socket, verb], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         preexec_fn=lambda: (os.setgroups([]), os.setgid(65534), os.setuid(65534)) if os.geteuid() == 0 else None)
    p.stdout.readline()
    return p


def cpu(pid):
    """Seconds."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


with Bench() as b:
    folder = b.runtime
    while folder != "/tmp" and os.geteuid() == 0:  # where nobody may go through
        os.chmod(folder, 0o755)
        folder = os.path.dirname(folder)
    proxy = b.proxy(options=["--narrate", "no"])
    server = b.server("1", "111", proxy, options=["--narrate", "no"])
    with Peer(proxy.port) as p:  # a history to tell
        for i in range(500):
            p.ask(b'{"type":"1","id":"x%d","privPolyId":"9","listenport":"9"}' % i)
            p.ask(b'{"type":"5","id":"x%d","privPolyId":"9"}' % i)
    for daemon, verb in ((proxy, "events"), (server, "status")):
        memory, used = resident(daemon.pid), cpu(daemon.pid)
        flooding = flood(daemon, verb)
        assert ctl(daemon.socket, "status")["state"] == "running"
        with Peer(proxy.port) as p:
            p.ask(b'{"type":"1","id":"z","privPolyId":"9","listenport":"9"}')
        if os.geteuid() == 0:
            assert daemon.said("as it takes of one user")
        assert SANITIZED or resident(daemon.pid) - memory < 16 << 20, resident(daemon.pid) - memory
        flooding.communicate()
        wait_until(lambda: ctl(daemon.socket, "status")["state"] == "running", "the daemon's answer")
        assert SANITIZED or cpu(daemon.pid) - used < 3, f"{cpu(daemon.pid) - used} s of computing for nobody"
    leaving = flood(proxy, "events"), flood(server, "status")
    for f in leaving:
        f.communicate()
    assert server.stop() == 0 and proxy.stop() == 0

with Bench() as b:  # all places are taken: ppool-ctl says that, and not that a pipe is broken
    proxy = b.proxy()
    held = [socket.socket(socket.AF_UNIX) for _ in range(64)]
    for s in held:
        s.connect(proxy.socket)
    status, out, err = ctl_run("-s", proxy.socket, "status")
    assert status == 1 and "as many control connections as it takes" in err, (status, err)
    for s in held:
        s.close()
    wait_until(lambda: ctl_run("-s", proxy.socket, "status")[0] == 0, "room again")
