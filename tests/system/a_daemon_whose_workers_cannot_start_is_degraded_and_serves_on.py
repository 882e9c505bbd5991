"""Memory is left for nobody new: the workers that are there serve on, orders are told why they fail, the state and the deaths tell of
it; and when there is memory again all of it ends by itself."""
import os
import re
import resource
from lib.bench import SLOW, Bench, ask, correct, ctl, ctl_run, wait_until, workers
from lib.needs import skip


def data_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"^VmData:\s+(\d+)", f.read(), re.M)[1]) * 1024


if SLOW > 1:
    skip("a sanitizer and valgrind end themselves where there is no memory")

with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    before = resource.prlimit(proxy.pid, resource.RLIMIT_DATA)
    # With none at all an order may have no answer; but it ends nobody.
    resource.prlimit(proxy.pid, resource.RLIMIT_DATA, (data_of(proxy.pid), before[1]))
    for verb in ("status", "workers", "servers", "policies", "events", "deaths", "workers", "status"):
        status, out, err = ctl_run("-s", proxy.socket, "--json", verb)
        assert status in (0, 1, 3) and correct(ask(proxy)), (verb, status, out, err)
    resource.prlimit(proxy.pid, resource.RLIMIT_DATA, (data_of(proxy.pid) + 262144, before[1]))
    slot = ctl(proxy.socket, "workers")[0]["slot"]
    status, out, err = ctl_run("-s", proxy.socket, "recycle", slot)
    assert status == 1 and "did not start (code 1); the worker stays" in err and len(workers(proxy)) == 2, (status, out, err)
    status, out, err = ctl_run("-s", proxy.socket, "scale", 3)
    assert status == 1 and "2 of 3 workers serve, one died while starting (code 1)" in err, (status, out, err)
    assert ctl(proxy.socket, "status")["state"] == "degraded"
    gone, stays = workers(proxy)
    os.kill(gone, 9)
    wait_until(lambda: workers(proxy) == [stays], "one is left")
    assert correct(ask(proxy)) and ctl(proxy.socket, "status")["state"] == "degraded"
    deaths = ctl(proxy.socket, "deaths")
    assert sum(d["why"] == "died while starting" and d["exit"] == "code 1" for d in deaths) >= 5, deaths
    assert {"pid": gone, "why": "died", "exit": "signal 9 KILL"}.items() <= next(d for d in deaths if d["pid"] == gone).items(), deaths
    proxy.wait_for("degraded: workers die while starting")
    resource.prlimit(proxy.pid, resource.RLIMIT_DATA, before)
    wait_until(lambda: len(workers(proxy)) == 3 and ctl(proxy.socket, "status")["state"] == "running", "all is well again", 30)
    assert correct(ask(proxy))
