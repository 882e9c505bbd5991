"""RELOADING and READY around a reload, also one that is refused; the main process is the successor, which says READY itself and
is by then a child of the manager's, as the former one was; that one says nothing more."""
import ctypes
import os
import signal
import socket
from lib.bench import FOLDER, Bench, Peer, correct, ctl_run, request, runs, wait_until

path = os.path.join(FOLDER, "notify")
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(path)
manager.setblocking(False)
os.environ["NOTIFY_SOCKET"] = path
heard = []
# The manager adopts what loses its parent, as systemd(1) does.
assert ctypes.CDLL(None, use_errno=True).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        return int(f.read().rpartition(")")[2].split()[1])


def listen():
    while True:
        try:
            heard.append(manager.recv(4096).decode())
        except BlockingIOError:
            return heard


def after_reload(since):
    said = listen()[since:]
    start = next((i for i, m in enumerate(said) if m.startswith("RELOADING=1")), None)
    return start is not None and any(m.startswith("READY=1") for m in said[start:])


with Bench() as b:
    b.file("p.conf", "")
    proxy = b.proxy(options=["-c", "p.conf"])
    for text, status in (("", 0), ("no_such_key = 1\n", 1)):
        b.file("p.conf", text)
        since = len(listen())
        assert ctl_run("-s", proxy.socket, "reload")[0] == status
        wait_until(lambda: after_reload(since), "RELOADING, then READY")
    b.file("p.conf", "")
    former, since = proxy.pid, len(listen())
    proxy.upgrade()
    wait_until(lambda: f"READY=1\nMAINPID={proxy.pid}" in listen()[since:], "the successor's READY")
    told = heard[since:]
    assert told.index(f"MAINPID={proxy.pid}") < told.index(f"READY=1\nMAINPID={proxy.pid}"), told
    assert "STOPPING=1" not in told, told
    assert parent_of(proxy.pid) == os.getpid()
    wait_until(lambda: not runs(former), "the end of the former one")
    told = listen()[since:]
    last = told[told.index(f"READY=1\nMAINPID={proxy.pid}"):]
    assert not any(t.startswith("STATUS=stopping") for t in last), last
    # Where it stops while the former one still drains, it ends after that: to a manager the service ends with the main process.
    server = b.server("1", "111", proxy)
    with Peer(proxy) as p:
        assert correct(p.ask(request()))
        p.send(request()[:5])
        former = proxy.pid
        proxy.upgrade()
        os.kill(proxy.pid, signal.SIGTERM)
        proxy.wait_for("waiting for the predecessor")
        assert runs(former)
        p.send(request()[5:])
        assert correct(p.read())
    wait_until(lambda: not runs(former), "the end of the former one")
    assert os.waitid(os.P_PID, proxy.pid, os.WEXITED).si_status == 0
