"""Curves: how the cost grows with one thing while all else stays as it is.

No curve may bend worse than n log n.  Where the work grows with n (connections that each keep a request in flight, bytes of a payload,
requests that wait) a figure at n may be at most n/m * (1 + log2(n/m)) times that at any smaller m; where n is only what the proxy has to
know (servers, policies, its workers), at most 1 + log2(n/m) times.  Judged are the time between two answers (one over the rate), the
99th percentile of the latency, the processors' time of policypool a request, and its memory.  A target's figure is the worst over all
pairs of points, so that 1 is on the bound."""
import collections
import contextlib
import math
import os
import resource
import tempfile

import cases
import measure
import processes
from measure import Samples
from report import add_row, hundredths, ranged, whole
from stacks import Answer, Policypool

Point = collections.namedtuple("Point", "n gap p99 cpu memory")  # us, us, us a request, bytes
FIGURES = {"gap": "time between answers", "p99": "p99", "cpu": "CPU a request", "memory": "memory"}
COLUMNS = ["n", "requests/s", "p99 µs", "CPU µs a request", "memory MB", "memory a unit, bytes", "load generator's core"]
SERVER_CONNECTIONS = 4
OWN = ("ppool-proxy", "ppool-server")


def memory_of(pool):
    return processes.own_bytes([pid for program, pids in pool.roots().items() if program in OWN for pid in pids])


def bend(points, grows):
    """The worst over all pairs of what a figure is to what it may be, and of which figure.  grows: how a figure may grow with the work;
    names those for which the work grows with n."""
    worst = (0.0, "")
    for i, m in enumerate(points):
        for n in points[i + 1:]:
            times = n.n / m.n
            for name, told in FIGURES.items():
                may = (1 + math.log2(times)) * (times if name in grows else 1)
                before, after = getattr(m, name), getattr(n, name)
                if before > 0:
                    worst = max(worst, (after / before / may, f"{told} from {m.n:,} to {n.n:,}"))
    return worst


class Curve:
    def __init__(self, report, what, grows=()):
        self.report, self.what, self.grows, self.points = report, what, grows, []
        self.table = report.table(f"Curve: {what}", COLUMNS)
        print(f"  {what}: {', '.join(COLUMNS)}", flush=True)

    def point(self, n, stack, *load, loads=None, seconds=None):
        samples = Samples(measure.measure(stack, *load, loads=loads, seconds=seconds) for _ in range(measure.options.rounds))
        memory = memory_of(stack)
        cpu = sum(s for program, s in samples.cpu_of().items() if program in OWN) * 10  # seconds a 100,000 -> us each
        rate, p99 = samples.figure("rate"), samples.figure("p99_us")
        self.points.append(Point(max(n, 1), 1e6 / max(rate.value, 1e-9), max(p99.value, 1), cpu, memory))
        add_row(self.table, f"{n:,}", ranged(rate, whole if rate.value >= 100 else hundredths), ranged(p99, whole), hundredths(cpu), f"{memory / 1e6:.1f}",
                self.each(n, memory), hundredths(samples.figure("busy").value) + (", the bottleneck" if samples.bottleneck() else ""))

    def each(self, n, memory):
        """More than at the first point, by so many units more."""
        first = self.points[0]
        return whole((memory - first.memory) / (n - first.n)) if n > first.n else ""

    def judge(self):
        worst, which = bend(self.points, self.grows)
        self.report.target(f"curve of {self.what}: the worst bend over n log n ({which})", worst, most=1)


@contextlib.contextmanager
def pool(**more):
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Policypool(folder, cases.programs(), **more) as p:
        measure.measure(p, *cases.KEPT, seconds=0.3) if more.get("servers", 2) else None
        yield p


@contextlib.contextmanager
def crowd(policies, proxy=()):
    """A pool whose servers are all one process, registered with these policies."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Answer(folder, cases.programs()) as answer, \
            Policypool(folder, cases.programs(), servers=0, proxy=["--max-servers", 4100, "--servers-per-address", 4100, "--max-policies", 1100, *proxy]) as p:
        p.announce(answer.port, policies)
        yield p


def connections(report):
    curve = Curve(report, "connections, each with a request in flight", grows=("p99", "memory"))
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with pool() as p:
        for n in (1, 10, 100, 1000, 5000, 20000):
            loads = max(measure.options.loads, math.ceil(n / 8000))
            if files != resource.RLIM_INFINITY and n > 1.5 * files:
                report.note(f"curve of connections: no {n:,}: a process may open {files:,} files")
                continue
            curve.point(n, p, "--connections", n, loads=loads)
    curve.judge()


def servers(report):
    curve = Curve(report, "servers of a policy, 64 connections", grows=("memory",))
    for n in (1, 10, 100, 1000, 4000):
        with crowd(["111"] * n) as p:
            curve.point(n, p, *cases.KEPT)
    curve.judge()


def policies(report):
    curve = Curve(report, "policies of 1,000 servers, all asked, 64 connections")
    for n in (1, 10, 100, 1000):
        with crowd([f"p{i % n}" if n > 1 else "p" for i in range(1000)]) as p:
            curve.point(n, p, *cases.KEPT, "--name", "p", "--policies", n)
    curve.judge()


def payload(report):
    curve = Curve(report, "bytes of a payload, 4 connections", grows=("gap", "p99", "cpu", "memory"))
    large = ["--max-message", "24M"]
    with pool(proxy=large, server=large) as p:
        for n in (1, 1 << 10, 1 << 16, 1 << 20, 1 << 24):
            curve.point(n, p, "--connections", 4, "--size", n)
    curve.judge()


def workers(report):
    curve = Curve(report, "workers of the proxy, 64 connections", grows=("memory",))
    for n in (1, 2, 4, 8, 16):
        with pool(workers=n) as p:
            curve.point(n, p, *cases.KEPT)
    curve.judge()


def queue(report):
    """A server that is sent 64 requests before it has answered, and clients that keep so many more waiting.  A thousand connections
    at most: each may have as many in flight."""
    curve = Curve(report, "requests that wait in the proxy", grows=("p99", "memory"))
    proxy_workers, pipeline = 2, 8
    at_once = proxy_workers * SERVER_CONNECTIONS * pipeline
    room = ["--server-connections", SERVER_CONNECTIONS, "--queue-length", 200000, "--policy-queue-length", 200000, "--client-pipeline", 1024,
            "--queue-timeout", "1m", "--request-timeout", "2m"]
    for n in (0, 100, 1000, 10000, 100000):
        with crowd([], room) as p, tempfile.TemporaryDirectory(prefix="bench-") as folder, Answer(folder, cases.programs()) as answer:
            p.announce(answer.port, ["111"], pipeline)
            outstanding = n + at_once
            each = max(1, math.ceil(outstanding / 1000))
            curve.point(n, p, "--connections", math.ceil(outstanding / each), "--in-flight", each, seconds=max(measure.options.seconds, 2 * n / 50000))
            waited = proxy_workers * p.ctl("policies")[0]["queued_max"]  # it tells that of a worker
            if waited < 0.8 * n:
                report.note(f"curve of requests that wait: {waited:,} waited at most, not {n:,}")
    curve.judge()


CURVES = (connections, servers, policies, payload, workers, queue)


def run(report):
    for curve in CURVES:
        curve(report)
