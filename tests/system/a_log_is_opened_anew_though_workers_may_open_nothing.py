"""The log lies where the workers' user can't even look; they write to it, also after USR1 and ctl reopen."""
import os
import re
import signal
from lib.bench import FOLDER, PROGRAMS, Bench, Daemon, Peer, ctl_run, wait_until, workers


def text(path):
    with open(path) as f:
        return f.read()


with Bench() as b:
    closed = os.path.join(FOLDER, "closed")
    os.mkdir(closed, 0o700)
    path = os.path.join(closed, "log")
    server = b.keep(Daemon([f"{PROGRAMS}/ppool-server", "-id", "1", "-pp", "111", "-listen", "0", "--runtime-dir", b.runtime,
                            "--workers", "2", "--log", path]))
    server.socket = f"{b.runtime}/ppool-server-1.sock"
    port = int(server.wait_for(r"listening on port (\d+)")[1])
    pids = set(workers(server))

    def writers():
        """The workers that have written to the log as it is now."""
        with Peer(port) as p:
            p.ask(b"nonsense")
        return {int(pid) for pid in re.findall(r'pid=(\d+) msg="packet refused"', text(path))} & pids

    wait_until(writers, "a worker's line")
    for n, order in enumerate((lambda: server.send_signal(signal.SIGUSR1), lambda: ctl_run("-s", server.socket, "reopen"))):
        os.rename(path, f"{path}.{n}")
        order()
        wait_until(lambda: os.path.exists(path), "the log opened anew")
        assert os.stat(path).st_uid == os.geteuid() and os.stat(path).st_mode & 0o777 == 0o640
        wait_until(lambda: writers() == pids, "lines of both workers in the new log")
        size = os.path.getsize(f"{path}.{n}")
        writers()
        assert os.path.getsize(f"{path}.{n}") == size, "somebody still writes to the old one"
    assert set(workers(server)) == pids, "a worker died of it"
    # What the master can't open stays open.
    os.rename(closed, closed + ".away")
    server.send_signal(signal.SIGUSR1)
    away = closed + ".away/log"
    wait_until(lambda: "cannot reopen the log" in text(away), "the complaint")
    with Peer(port) as p:
        p.ask(b"nonsense")
    os.rename(closed + ".away", closed)
    assert server.stop() == 0
