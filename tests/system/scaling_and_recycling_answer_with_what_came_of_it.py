"""On both daemons: when the answer is there the workers are, and those too many have ended; otherwise it says what went wrong,
and nothing is lost.  An order that another one overtakes is told so."""
import re
import resource
import threading
from lib.bench import Bench, Peer, ask, correct, ctl, ctl_run, request, wait_until, workers
from lib.descriptors import leave_free


def connected(path):
    """The connections to a control socket that the daemon has not closed yet."""
    with open("/proc/net/unix") as f:
        return [line for line in f if line.split()[5:6] == ["03"] and line.rstrip().endswith(f" {path}")]


def leave(daemon, n):
    """So many descriptors free, and nothing that it has open is about to be closed."""
    wait_until(lambda: not connected(daemon.socket), "the callers before are gone")
    return leave_free(daemon.pid, n, raisable=True)


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
        limit = leave(daemon, 1)  # the caller's
        status, out, err = ctl_run("-s", daemon.socket, "recycle", done["slot"])
        assert status == 1 and "recycle: the successor cannot be started" in err, (status, out, err)
        assert workers(daemon) == before and correct(ask(proxy))
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limit)
        wait_until(lambda: done["pid"] not in (now := [w["pid"] for w in ctl(daemon.socket, "workers")]) and len(now) == 2,
                   "it was tried again, and the former one has ended")
        before = workers(daemon)
        leave(daemon, 2)  # for the caller that waits and the one that looks
        overtaken = later(daemon, "scale", "4")
        wait_until(lambda: len(ctl(daemon.socket, "workers")) == 4, "it is tried")
        status, out, err = ctl_run("-s", daemon.socket, "scale", 2)
        assert status == 0, err
        status, out, err = overtaken()
        # Whichever comes first: forks that fail are given up as well.
        assert status == 1 and ("another order came: 2 workers" in err or re.search("[23] of 4 workers serve, one cannot be forked", err)), (status, out, err)
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limit)
        assert workers(daemon) == before and correct(ask(proxy))

    # A worker with something to answer is waited for.
    with Peer(server.port) as peer:
        peer.send(request()[:-2])
        leaving = wait_until(lambda: [w for w in ctl(server.socket, "workers") if w["connections"]], "its worker")
        answers = [later(server, "recycle", w["slot"]) for w in leaving]
        wait_until(lambda: not {w["pid"] for w in leaving} & set(workers(server)), "they leave, or have left")
        assert correct(peer.ask(request()[-2:]))
    for answer in answers:
        status, out, err = answer()
        assert status == 0, err
