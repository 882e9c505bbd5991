"""RELOADING and READY around a reload, also one that is refused; the main process is the successor, which says READY itself."""
import os
import signal
import socket
from lib.bench import FOLDER, Bench, ctl_run, wait_until

path = os.path.join(FOLDER, "notify")
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(path)
manager.setblocking(False)
os.environ["NOTIFY_SOCKET"] = path
heard = []


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
