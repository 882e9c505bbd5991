import os
import signal
from lib.bench import Bench, ask, correct, ctl, wait_until, workers

with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    for daemon in (server, proxy):
        before = workers(daemon)
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: len(set(workers(daemon)) - {before[0]}) == 2, "a successor")
        assert before[1] in workers(daemon), "the other worker was touched"
        assert daemon.alive()
        slot = ctl(daemon.socket, "workers")[0]
        assert slot["restarts"] == 1 and slot["last_exit"] == "signal 9 KILL", slot
        assert correct(ask(proxy))
