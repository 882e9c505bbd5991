"""Running daemons with calls that fail at random: libfiu is preloaded (fiu-run -x), and told through fiu-ctrl what shall fail how often."""
import contextlib
import json
import os
import pwd
import signal
import subprocess
import threading

from lib.bench import FOLDER, PROGRAMS, Bench, correct, ctl, ask, wait_until
from lib.footprint import children
from lib.quiet import quiet

CONTROL = os.path.join(FOLDER, "fiu")

# Not close(2): libfiu leaves the call out, so the peer would never hear of the end.  Not what handles signals: the kernel does not fail there.
POINTS = ("libc/mm/*", "libc/str/*", "posix/io/rw/*", "posix/io/net/*", "posix/io/dir/*", "posix/io/sync/*", "posix/proc/fork", "posix/proc/waitpid",
          "posix/mm/*", "posix/stdio/*")
# Its thread is told over named pipes of the user who started the daemon: workers have to be that user and keep their descriptors.
TOLD = ("--isolation", "none", "--user", pwd.getpwuid(os.geteuid()).pw_name, "--narrate", "no")
CRASHES = tuple(f"signal {int(s)} " for s in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL))


def told(daemon, command):
    """False where one of its processes ended as it was told: nobody reads its pipe any more."""
    pids = [str(p) for p in (daemon.pid, *children(daemon.pid)) if os.path.exists(f"{CONTROL}-{p}.in")]
    try:
        subprocess.run(["fiu-ctrl", "-f", CONTROL, "-c", command, *pids], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10)
    except subprocess.TimeoutExpired:
        return False
    return True


def order(daemons, command):
    """Those that have ended meanwhile are passed over."""
    for daemon in daemons:
        assert any(told(daemon, command) for _ in range(3)), f"{command}: fiu-ctrl does not end"


@contextlib.contextmanager
def failing(daemons, probability):
    for point in POINTS:
        order(daemons, f"enable_random name={point},probability={probability}")
    try:
        yield
    finally:
        for point in POINTS:
            order(daemons, f"disable name={point}")


def load(proxy, seconds, done):
    run = subprocess.run([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", "111", "--vary", "--size", "64", "--duration",
                          f"{seconds}s", "--parallel", "64", "--retries", "100", "--timeout", "20s", "--json"], capture_output=True, text=True)
    done.append(json.loads(run.stdout) if run.stdout else {"no summary": run.stderr})


def crashes(daemon):
    return [d for d in ctl(daemon.socket, "deaths") if (d["exit"] or "").startswith(CRASHES) and not d["why"].startswith("on request")]


def judge(got, probability, lossless):
    """What is wrong with what became of the requests, in words."""
    if "correct" not in got:
        yield f"the load did not end well: {got}"
        return
    if got["wrong"] or got["stray"]:
        yield f"{got['wrong']} wrong, {got['stray']} stray"
    if lossless and (got["failed"] or got["refused"]):
        yield f"{got['failed'] + got['refused']} lost: {got['failures']} {got['errors']}"
    if not got["correct"]:
        yield "nothing was answered"


def phase(daemons, probability, seconds):
    """What is wrong, in words."""
    got = []
    thread = threading.Thread(target=load, args=(daemons[0], seconds, got))
    thread.start()
    with failing(daemons, probability):
        thread.join(seconds * 0.8)
    thread.join()
    problems = list(judge(got[0], probability, probability <= 1e-4))
    print(f"probability {probability:g}: {got[0].get('sent')} sent, {got[0].get('correct')} right, {got[0].get('resent')} sent again, "
          f"{got[0].get('failed', 0) + got[0].get('refused', 0)} lost {got[0].get('errors')} {got[0].get('failures')}", flush=True)
    for daemon in daemons:
        if not daemon.alive():
            return [*problems, f"{daemon.argv[0]} has ended:\n{daemon.output[-2000:]}"]
        problems += [f"{daemon.socket}: {d}" for d in crashes(daemon)]
    try:
        wait_until(lambda: all(ctl(d.socket, "status")["state"] == "running" for d in daemons), "all workers are there", 30)
        wait_until(lambda: all(s["state"] == "up" for s in ctl(daemons[0].socket, "servers")), "all servers are up", 30)
        quiet(*daemons)
        assert all(correct(ask(daemons[0], payload=str(i)), str(i)) for i in range(20)), "not served rightly"
    except AssertionError as e:
        problems.append(str(e))
    return problems


def run(probabilities, seconds):
    """What is wrong, in words."""
    problems = []
    with Bench() as b:
        options = [*TOLD, "--eject-time", "500ms", "--check-interval", "200ms"]
        proxy = b.proxy(options=options)
        daemons = [proxy, *(b.server(str(i), "111", proxy, options=TOLD) for i in (1, 2))]
        for probability in probabilities:
            problems += [f"probability {probability:g}: {p}" for p in phase(daemons, probability, seconds)]
    return problems
