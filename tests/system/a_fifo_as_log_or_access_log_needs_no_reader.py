"""The log and the access log are FIFOs: without a reader, with one that does not read, with one that has gone and comes back, and opened
anew.  The daemon serves and obeys meanwhile, its lines are whole, and those that were lost are counted."""
import os
import signal
import subprocess
from lib import silent
from lib.bench import FOLDER, PROGRAMS, Bench, ctl_run, free_port, wait_until

with Bench() as b:
    log, access = (os.path.join(FOLDER, name) for name in ("log.fifo", "access.fifo"))
    for path in (log, access):
        os.mkfifo(path)
    port = free_port()
    proxy = silent.start([f"{PROGRAMS}/ppool-proxy", "-port", port, "--runtime-dir", b.runtime, "--workers", 2, "--log", log,
                          "--access-log", "all", "--access-log-file", access], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = silent.up(f"{b.runtime}/ppool-proxy-{port}.sock", proxy)
    b.server("1", "111", port, wait=False)
    wait_until(lambda: "1" in ctl_run("-s", path, "--json", "servers")[1], "the registration")
    silent.answered(port)
    lost = silent.dropped(path)
    assert lost >= 3000, lost
    for order in (lambda: None, lambda: proxy.send_signal(signal.SIGUSR1), lambda: ctl_run("-s", path, "reload")):
        order()
        # A reader comes, and is told.
        readers = {p: os.open(p, os.O_RDONLY | os.O_NONBLOCK) for p in (log, access)}
        got = {log: "", access: ""}

        def read():
            silent.answered(port, 10)
            ctl_run("-s", path, "scale", "2")
            for p, fd in readers.items():
                try:
                    got[p] += os.read(fd, 1 << 20).decode()
                except BlockingIOError:
                    pass
            return " dropped=" in got[log] and got[access].count("outcome=ok") >= 10
        wait_until(read, "lines for a reader that came")
        for p in got:
            silent.whole_lines(got[p])
        # It does not read; then it goes.
        lost = silent.dropped(path)
        silent.answered(port)
        silent.answered(port)
        assert silent.dropped(path) > lost + 3000, (lost, silent.dropped(path))
        for fd in readers.values():
            os.close(fd)
        silent.answered(port)
    metrics = ctl_run("-s", path, "status")[1]
    assert "log_lines_dropped" in metrics, metrics
    silent.stops(proxy)
