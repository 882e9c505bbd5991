"""On both daemons: when the answer is there the workers are, and those too many have ended; otherwise it says what went wrong,
and nothing is lost.  An order that another one overtakes is told so."""
import os
import resource
import threading
from lib.bench import Bench, Peer, ask, correct, ctl, ctl_run, request, wait_until, workers


def leave_free(pid, n):
    """A limit of open files under which so many more can be opened."""
    taken = set(map(int, os.listdir(f"/proc/{pid}/fd")))
    limit = 0
    while n > 0:
        n -= limit not in taken
        limit += 1
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, before[1]))
    return before


def later(daemon, *order):
    """The same, while something else is done."""
    told = []
    thread = threading.Thread(target=lambda: told.append(ctl_run("-s", daemon.socket, *order)))
    thread.start()
    return lambda: (thread.join(), told[0])[1]


with Bench() as b:
    proxy = b.proxy(options=["--stop-timeout", "5m"])
    server = b.server("1", "111", proxy, options=["--stop-timeout", "5m"])
    for daemon in (proxy, server):
        for n in (5, 2):
            status, out, err = ctl_run("-s", daemon.socket, "scale", n)
            seen = ctl(daemon.socket, "workers")
            assert status == 0 and f"{n} workers serve" in out, (status, out, err)
            assert [w["state"] for w in seen] == ["ready"] * n, seen
        before = {w["slot"]: w["pid"] for w in ctl(daemon.socket, "workers")}
        slot = min(before)
        done = ctl(daemon.socket, "recycle", str(slot))
        after = {w["slot"]: w["pid"] for w in ctl(daemon.socket, "workers")}
        assert done["done"] == "recycled" and after[done["slot"]] == done["pid"], (done, after)
        assert len(after) == 2 and before[slot] not in after.values(), (before, after)

        # No descriptor is left for another one's channel.
        before = workers(daemon)
        limit = leave_free(daemon.pid, 1)  # the caller's
        status, out, err = ctl_run("-s", daemon.socket, "recycle", done["slot"])
        assert status == 1 and "recycle: the successor cannot be started" in err, (status, out, err)
        assert workers(daemon) == before and correct(ask(proxy))
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limit)
        wait_until(lambda: done["pid"] not in workers(daemon) and len(workers(daemon)) == 2, "it was tried again")
        before = workers(daemon)
        leave_free(daemon.pid, 2)  # for who waits and who looks
        overtaken = later(daemon, "scale", "4")
        wait_until(lambda: len(ctl(daemon.socket, "workers")) == 4, "it is tried")
        status, out, err = ctl_run("-s", daemon.socket, "scale", 2)
        assert status == 0, err
        status, out, err = overtaken()
        assert status == 1 and "another order came: 2 workers" in err, (status, out, err)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limit)
        assert workers(daemon) == before and correct(ask(proxy))

    # Whoever still has something to answer is waited for.
    with Peer(server.port) as peer:
        peer.send(request()[:-2])
        slots = [w["slot"] for w in wait_until(lambda: [w for w in ctl(server.socket, "workers") if w["connections"]], "its worker")]
        answers = [later(server, "recycle", slot) for slot in slots]
        wait_until(lambda: [w["state"] for w in ctl(server.socket, "workers")].count("draining") == len(slots), "those that leave")
        assert correct(peer.ask(request()[-2:]))
    for answer in answers:
        status, out, err = answer()
        assert status == 0, err
