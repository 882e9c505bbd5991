"""A handler that starts processes without end, 200 at most here, is refused more at handler_max_processes of its user: its own client
has an error, all others their answers, and nothing is left behind."""
import os
import threading
from lib.bench import Bench, wait_until
from lib.misbehaving import PROXY, TIMEOUT, each_end_is_told, failure_is_told, lines, nothing_left_but, processes, settings, under_load
from lib.needs import need_root
from lib.quiet import books, quiet

MOST = 60
UID = 61000 + os.getpid() % 4000  # nobody else's, for whatever a user has is counted


def of_user():
    """How many processes it has."""
    n = 0
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            n += os.stat(f"/proc/{entry}").st_uid == UID
        except OSError:
            continue
    return n


class Watch(threading.Thread):
    """The most that there were."""

    def __init__(self):
        super().__init__(daemon=True)
        self.most, self.over = 0, threading.Event()

    def run(self):
        while not self.over.wait(0.02):
            self.most = max(self.most, of_user())


need_root()
with Bench() as b:
    proxy = b.proxy(options=PROXY)
    server = b.server("100", "111", proxy, options=settings(timeout=2 * TIMEOUT, handler_user=UID, handler_max_processes=MOST))
    processes(server)
    before = books(server)
    watch = Watch()
    watch.start()
    got = under_load(proxy, "sick:multiplies", sick=20)
    watch.over.set()
    watch.join()
    assert got.get("handler-timeout", 0) >= 1 and set(got) <= {"handler-timeout", "handler-failed"}, got
    assert MOST // 2 < watch.most <= MOST, watch.most
    wait_until(lambda: lines(server, 'msg="handler"', "refused after"), "a line of what is refused")
    failure_is_told(server, "ill", "timeout")
    each_end_is_told(server, "timeout", "ill")
    nothing_left_but(server)
    wait_until(lambda: of_user() == len(processes(server)), "nothing else of its user")
    quiet(proxy)
    quiet(server, since=before)
