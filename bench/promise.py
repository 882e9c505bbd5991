"""The promise against the peers: the same chaos befalls each stack under load, and what became of the requests is told side by side.
No client asks twice."""
import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time

import cases
import handlers
import measure
import peers
import processes
import web
from measure import figure
from noise import Noise
from report import add_row, hundredths, ranged, whole

SERVERS, WORKERS = 3, 4  # of every stack; workers of each server
AS_LONG = 40 / 3  # a harm lasts so many times as long as another measurement: 20 s where that is 1.5 s
TIMEOUT = 5       # seconds after which a client takes a request for lost
# As HAProxy is told as well: a server is given up after 400 ms, and others are asked, ten at most.
PATIENT = ["--retries", 10, "--reply-timeout", "400ms"]


# ---- harms: what is done in a loop, every so many seconds ----

def kill(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def workers_die(stack):
    """One worker of a server, picked at random."""
    choose = random.Random(1)
    while True:
        server = choose.choice(stack.backends)
        below = processes.tree([server.pid])[1:]
        if below:
            kill(choose.choice(below))
        yield


def servers_die(stack):
    """A whole server, one after the other; it is started anew at once."""
    n = 0
    while True:
        i = n % len(stack.backends)
        stack.backends[i] = stack.again(stack.backends[i])
        n += 1
        yield


def servers_stand_still(stack):
    """All processes of one server after the other are stopped, from one step to the next; then none is."""
    n = 0
    while True:
        with stopped(processes.tree([stack.backends[n % len(stack.backends)].pid])):
            yield
        yield
        n += 1


@contextlib.contextmanager
def stopped(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


HARMS = {"a worker killed every 50 ms": (workers_die, 0.05), "a server killed every second": (servers_die, 1),
         "a server stopped every other second, for a second": (servers_stand_still, 1)}


class Harming(threading.Thread):
    """with Harming(...): does it until the end; how often is counted in times."""

    def __init__(self, steps, every):
        super().__init__(daemon=True)
        self.steps, self.every, self.over, self.times, self.failure = steps, every, threading.Event(), 0, None

    def run(self):
        try:
            next_at = time.monotonic()
            with contextlib.closing(self.steps):
                while not self.over.wait(max(0.0, next_at - time.monotonic())):
                    next(self.steps)
                    self.times += 1
                    next_at = max(next_at + self.every, time.monotonic())
        except Exception as e:  # shown by who waits for the end
            self.failure = e

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        if self.failure:
            raise RuntimeError(f"the harm could not be done: {self.failure}")


def under(stack, steps, every, seconds):
    """What the load generator counted meanwhile, and how often it was done; steps None: nothing was."""
    argv = [*measure.command(stack, *cases.KEPT, seconds=seconds), "--persist", "--timeout", str(TIMEOUT)]
    with Noise() as noise, contextlib.ExitStack() as harm:
        harming = harm.enter_context(Harming(steps, every)) if steps else None
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120 + 2 * seconds)
    if not done.stdout:
        raise RuntimeError(f"{stack.name}: {done.stderr}")
    got = json.loads(done.stdout)
    got["noise"] = noise.told(0)
    got["times"] = harming.times if harming else 0
    got["bad"] = got["wrong"] + got["refused"] + got["lost"]
    return got


# ---- the cases ----

def ours(folder):
    return cases.ours(servers=SERVERS, server_workers=WORKERS, proxy=PATIENT)(folder)


def gearmand(folder):
    return peers.Gearmand(folder, cases.programs(), SERVERS, WORKERS, timeout=1)


def nats(folder):
    return peers.Nats(folder, cases.programs(), SERVERS, WORKERS)


def run(report):
    seconds = measure.options.seconds * AS_LONG
    table = report.table(f"The promise: 64 connections, {SERVERS} servers of {WORKERS} workers, {seconds:.0f} s each; wrong: another digest; refused: an "
                         f"error; lost: no answer within {TIMEOUT} s, or the connection ended",
                         ["chaos", "stack", "times", "right", "wrong", "refused", "lost", "requests/s", "p99 ms", "longest ms", "host: run queue"])
    for name, (harm, every) in HARMS.items():
        right = {}
        for make in (ours, web.HaproxyRetrying, gearmand, nats):  # each starts afresh
            with cases.running(report, make) as stacks:
                for stack in stacks:
                    under(stack, None, 0, 0.3)
                    got = under(stack, harm(stack), every, seconds)
                    add_row(table, name, stack.name, got["times"], *(whole(got[k]) for k in ("requests", "wrong", "refused", "lost", "rate")),
                            f"{got['p99_us'] / 1000:.1f}", f"{got['max_us'] / 1000:.0f}", f"{got['noise']['queue']:.1f}")
                    right[stack.name] = got["requests"]
                    if make is ours:
                        report.target(f"{name}: wrong, refused or lost", got["bad"], most=0)
        best = max((n for s, n in right.items() if s != "policypool"), default=0)
        if best:
            report.target(f"{name}: right over the most of another stack", right["policypool"] / best)


def job_processes_die(stack):
    """One job process, picked at random among those that have started."""
    choose = random.Random(1)
    while True:
        known = [h["pid"] for h in stack.ctl("handlers", "-i", "1") if h["state"] in ("idle", "busy")]
        if known:
            kill(choose.choice(known))
        yield


def jobs_killed(report):
    """Job processes are killed all the time; beside the same without.  A job dies with its process, so its client is told an error; nobody
    else may be."""
    seconds = measure.options.seconds * 2
    table = report.table("Job processes killed every 50 ms, beside the same without: 64 connections",
                         ["handler", "times", "right", "wrong", "refused", "lost", "requests/s, killed", "requests/s, quiet", "p99 ms, killed"])
    for name, maker, least in (("module", handlers.module, 0.8), ("Python", handlers.python, None)):
        with cases.running(report, cases.of_programs(maker)) as (stack,):
            quiet, killed = [], []
            for _ in range(measure.options.rounds):
                quiet.append(under(stack, None, 0, seconds))
                killed.append(under(stack, job_processes_die(stack), 0.05, seconds))
            total = {k: sum(g[k] for g in killed) for k in ("times", "requests", "wrong", "refused", "lost")}
            add_row(table, name, *(whole(v) for v in total.values()), *(ranged(figure(g["rate"] for g in which), whole) for which in (killed, quiet)),
                    hundredths(figure(g["p99_us"] for g in killed).value / 1000))
            report.target(f"handler: {name}: rate with job processes killed every 50 ms over the quiet one", measure.ratio(killed, quiet), least=least)
            report.target(f"handler: {name}: wrong or lost meanwhile", total["wrong"] + total["lost"], most=0)
            report.target(f"handler: {name}: clients told an error for each job process killed", total["refused"] / max(total["times"], 1), most=1)
