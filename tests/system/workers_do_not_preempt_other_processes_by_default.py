"""The scheduling policies of master and workers, as the kernel has them: SCHED_BATCH for workers unless told otherwise."""
import os
from lib.bench import Bench, ask, correct, wait_until, workers


def policies(daemon):
    return {os.sched_getscheduler(pid) for pid in workers(daemon)}


with Bench() as b:
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    for daemon in (proxy, server):
        # On a busy machine they may be elsewhere for ten seconds.
        wait_until(lambda: policies(daemon) == {os.SCHED_BATCH}, "workers under SCHED_BATCH")
        assert os.sched_getscheduler(daemon.pid) == os.SCHED_OTHER, "the master stays as it was started"
    assert correct(ask(proxy))
    for id, policy in (("2", os.SCHED_OTHER), ("3", os.SCHED_BATCH)):
        os.sched_setscheduler(0, policy, os.sched_param(0))
        as_started = [b.proxy(options=["--scheduling=inherit"])]
        as_started.append(b.server(id, "222", as_started[0], options=["--scheduling=inherit"]))
        for daemon in as_started:
            assert policies(daemon) == {policy} == {os.sched_getscheduler(daemon.pid)}, (policy, policies(daemon))
        assert correct(ask(as_started[0], policy="222"))
