"""The cases that say how fast it is: each sends the same load to stacks in turn, and states how they compare."""
import contextlib
import os
import resource
import socket
import subprocess
import sys
import tempfile

import handlers
import measure
import peers
import picture
import processes
import web
from measure import Samples, in_turn, ratio
from stacks import Answer, Missing, Policypool, Secure, Straight, Unix, wait_until

IDLE = 10000
ONE = ["--connections", 1]
KEPT = ["--connections", 64]
PIPELINED = ["--connections", 64, "--in-flight", 16]
ANEW = ["--connections", 16, "--one-a-connection"]


def programs():
    return measure.options.programs


@contextlib.contextmanager
def running(report, *makers):
    """Stacks, made by calls with the folder, until the end; the first is ours, and of the others those are left out that can't be."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, contextlib.ExitStack() as all_of_them:
        os.chmod(folder, 0o755)
        stacks = []
        for make in makers:
            try:
                stacks.append(all_of_them.enter_context(make(folder)))
            except Missing as e:
                report.note(f"left out: {e}")
        yield stacks


def ours(name="policypool", **more):
    return lambda folder: Policypool(folder, programs(), name, **more)


def of_programs(kind, **more):
    return lambda folder: kind(folder, programs(), **more)


def wanting(make, least):
    """The same, and ours is to be at least so many times as fast; None: that is only stated."""
    def made(folder):
        stack = make(folder)
        stack.least = least
        return stack
    return made


def against(report, case, load, us, rivals, what="rate", unit="requests/s"):
    """Ours and others under the same load.  rivals: pairs as wanting() takes them.  Returns the samples of all that run, ours first."""
    with running(report, us, *(wanting(*r) for r in rivals)) as stacks:
        samples = in_turn(stacks, *load)
        for stack, got in zip(stacks, samples):
            report.add(case, stack, got)
        for stack, got in zip(stacks[1:], samples[1:]):
            report.target(f"{case}: {unit} over {stack.name}'s", ratio(samples[0], got, what), least=stack.least)
        return samples


def kept(report):
    case = "64 connections, 1 in flight"
    samples = against(report, case, KEPT, ours(servers=1), [(web.HaproxyNginx, 2.0)])
    for got in samples[1:]:
        report.target(f"{case}: p99 over HAProxy and nginx's", ratio(samples[0], got, "p99_us"), most=0.5)


def pipelined(report):
    against(report, "64 connections, 16 in flight", PIPELINED, ours(), [(peers.TwemproxyRedis, 1.5)])


def single(report):
    against(report, "1 connection, 1 in flight", ONE, ours(servers=1), [(web.HaproxyNginx, 1.5)])


def relatives(report):
    """gearmand and NATS with workers in C, as many as ours."""
    for case, load, asap in (("64 connections, 1 in flight, relatives", KEPT, True), ("64 connections, 16 in flight, relatives", PIPELINED, False)):
        against(report, case, load, ours(), [(of_programs(peers.Gearmand), None), (of_programs(peers.Nats, asap=asap), None)])


def floor(report):
    """A relay of bytes that parses nothing: what any proxy over loopback TCP costs at least."""
    makers = [(of_programs(peers.Relay), 1.0), (of_programs(peers.Relay, shared=2), 1.0)]
    against(report, "1 connection, 1 in flight, floor", ONE, ours(), makers)
    for case, load in (("64 connections, 1 in flight, floor", KEPT), ("64 connections, 16 in flight, floor", PIPELINED)):
        against(report, case, load, ours(), [(make, None) for make, _ in makers])


@contextlib.contextmanager
def contended(n=2):
    """So many programs that never pause beside it."""
    burning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for p in burning:
            p.kill()
            p.wait()


def contention(report):
    """The scheduling class that a daemon takes by itself, against the one that it is given."""
    case = "1 connection beside two programs that never pause"
    with running(report, ours("scheduling auto"), ours("scheduling inherit", proxy=["--scheduling", "inherit"],
                                                       server=["--scheduling", "inherit"])) as stacks:
        with contended():
            samples = in_turn(stacks, *ONE)
        for stack, got in zip(stacks, samples):
            report.add(case, stack, got)
        report.target(f"{case}: p99 over that with inherit", ratio(*samples, "p99_us"), most=1.1)


def anew(report):
    against(report, "16 at once, a connection a request", ANEW, ours(), [(peers.Threads, 20), (peers.PlainPeers, None)])


def handshakes(report):
    """TLS 1.3, the same key and curve, full handshakes and such that resume by a ticket; behind the proxies it is plain."""
    us = of_programs(Secure, name="policypool, TLS from clients", servers=1, every_leg=False)
    for case, more in (("TLS: a full handshake a request", []), ("TLS: a resumed session a request", ["--resume"])):
        samples = against(report, case, [*ANEW, *more], us, [(web.HaproxyTls, 1.0), (web.Nginx, 1.0)], unit="handshakes/s")
        if more:
            for got in samples:
                report.note(f"{case}: {got.of}: {min(s['resumed'] / s['all'] for s in got):.2f} of the sessions were resumed at least")


def tls(report):
    """Plain, and over TLS from the load to the proxy and from there to the servers."""
    with running(report, ours("plain"), of_programs(Secure)) as stacks:
        for case, load, least in (("TLS: 64 connections, 1 in flight", KEPT, None), ("TLS: 64 connections, 16 in flight", PIPELINED, None),
                                  ("TLS: 16 connections, 64 KiB each", ["--connections", 16, "--size", 65536], 0.6),
                                  ("TLS: 16 at once, a connection (a full handshake) a request", ANEW, None)):
            samples = in_turn(stacks, *load)
            for stack, got in zip(stacks, samples):
                report.add(case, stack, got)
            report.target(f"{case}, over plain", ratio(samples[1], samples[0]), least=least)


def unix(report):
    """Unix sockets on every leg, beside TCP."""
    with running(report, ours("TCP"), of_programs(Unix, name="Unix sockets")) as stacks:
        for case, load in (("Unix sockets: 1 connection, 1 in flight", ONE), ("Unix sockets: 64 connections, 1 in flight", KEPT)):
            if len(stacks) < 2:
                continue
            samples = in_turn(stacks, *load)
            for stack, got in zip(stacks, samples):
                report.add(case, stack, got)
            report.target(f"{case}, over TCP", ratio(samples[1], samples[0]), least=1.5)


def straight(report):
    case = "64 connections, 16 in flight, proxy or not"
    with running(report, ours()) as (pool,):
        past = Straight(pool)
        a, b = in_turn([pool, past], *PIPELINED)
        report.add(case, pool, a)
        report.add(case, past, b)
        report.target("through the proxy over straight to one server", ratio(a, b), least=0.6)


def large(report):
    for size, name, least in ((65536, "64 KiB", 4), (1000000, "1 MB", 6)):
        against(report, f"16 connections, {name} each", ["--connections", 16, "--size", size], ours(servers=1), [(web.HaproxyNginx, least)],
                what="bytes_per_second", unit="bytes/s")


class IdleClients:
    """Connections that say nothing."""

    def __init__(self, pool, n):
        self.pool, self.n, self.sockets = pool, n, []
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (n + 500 if hard == resource.RLIM_INFINITY else min(n + 500, hard), hard))

    def count(self):
        return self.pool.ctl("status")["connections"]

    def open(self):
        while len(self.sockets) < self.n:
            self.sockets.append(socket.create_connection(("127.0.0.1", self.pool.port)))
        wait_until(lambda: self.count() >= self.n, "all are accepted", 60)

    def close(self):
        for s in self.sockets:
            s.close()
        self.sockets = []
        wait_until(lambda: self.count() < 100, "they are gone", 60)


def idle(report):
    with running(report, ours()) as (pool,):
        proxy = pool.roots()["ppool-proxy"]
        clients = IdleClients(pool, IDLE)
        measure.measure(pool, *KEPT)
        before = processes.own_bytes(proxy)
        clients.open()
        each = (processes.own_bytes(proxy) - before) / IDLE
        none, many = Samples(), Samples()
        for _ in range(measure.options.rounds):
            clients.close()
            none.append(measure.measure(pool, *KEPT))
            clients.open()
            many.append(measure.measure(pool, *KEPT))
        report.add("idle clients", pool, none, "none idle")
        report.add("idle clients", pool, many, f"{IDLE:,} idle")
        report.target(f"with {IDLE:,} idle clients over none", ratio(many, none), least=0.9)
        report.target("bytes of proxy memory an idle client", each, most=2048)
        clients.close()


def thousand(report):
    """Two servers against a thousand, all answered by the same process, so that only the proxy differs.  Once the same two are asked in
    both pools, once all of the thousand, which leaves less to be sent together; then beside a HAProxy with the same thousand."""
    size = ["--max-servers", 1100, "--max-policies", 200]
    pair, crowd = ["q0", "q0"], [f"p{i % 100}" for i in range(1000)]
    with running(report, of_programs(Answer), ours("2 servers", servers=0, proxy=size),
                 ours("1,000 servers in 100 policies", servers=0, proxy=size)) as (answer, few, many):
        few.announce(answer.port, pair)
        many.announce(answer.port, pair + crowd[:998])
        few.load += ["--name", "q0"]
        plain, all_asked = many.load, ["--name", "p", "--policies", 100]
        for asked, load in (("the same two asked", ["--name", "q0"]), ("all asked", all_asked)):
            many.load = plain + load
            a, b = in_turn([few, many], *KEPT)
            report.add(f"many servers, {asked}", few, a)
            report.add(f"many servers, {asked}", many, b)
            report.target(f"1,000 servers over 2, {asked}", ratio(b, a), least=0.95)
        with running(report, of_programs(Answer, program="answer_http")) as (http,), \
                running(report, lambda folder: web.HaproxyMany(folder, http.port, 1000, 100)) as rivals:
            for rival in rivals:
                rival.load += all_asked
                a, b = in_turn([many, rival], *KEPT)
                report.add("many servers, HAProxy", many, a)
                report.add("many servers, HAProxy", rival, b)
                report.target("1,000 servers: requests/s over HAProxy's with as many", ratio(a, b), least=1.5)


def evenness(pool):
    """The busiest worker's requests over the mean."""
    done = [w["requests"] for w in pool.ctl("workers")]
    return max(done) / (sum(done) / len(done)) if sum(done) else 1.0


def workers(report):
    case = "proxy workers, 64 connections"
    with running(report, ours("1 worker", workers=1), ours("2 workers")) as stacks:
        a, b = in_turn(stacks, *KEPT)
        report.add(case, stacks[0], a)
        report.add(case, stacks[1], b)
        report.target("2 workers over 1, load and servers on the same two cores", ratio(b, a))
        report.target("busiest worker over the mean, kept connections", evenness(stacks[1]), most=1.2)
    with running(report, ours()) as (pool,):
        measure.measure(pool, *ANEW)
        report.target("busiest worker over the mean, a connection a request", evenness(pool), most=1.2)


def several_loads(report):
    """One loop sends in bursts; does it matter?"""
    case = "load generators, 64 connections"
    with running(report, ours()) as (pool,):
        samples = {n: Samples() for n in (1, 2, 4)}
        for _ in range(measure.options.rounds):
            for n, got in samples.items():
                got.append(measure.measure(pool, *KEPT, loads=n))
        for n, got in samples.items():
            report.add(case, pool, got, f"{n} load generator{'s' * (n > 1)}")
        report.target("4 load generators over 1", ratio(samples[4], samples[1]))


def access_log(report):
    with running(report, *(ours(f"access log {mode}", proxy=["--access-log", mode]) for mode in ("off", "errors", "all"))) as pools:
        samples = in_turn(pools, *KEPT)
        for pool, got in zip(pools, samples):
            report.add("access log, 64 connections", pool, got)
        for pool, got in zip(pools[1:], samples[1:]):
            report.target(f"{pool.name} over off", ratio(got, samples[0]))


def curve(report):
    """Throughput and latency over connections, for the picture."""
    lines = {}
    with running(report, ours(), web.HaproxyNginx, peers.TwemproxyRedis) as stacks:
        for n in (1, 4, 16, 64, 256, 1024):
            for stack in stacks:
                got = measure.measure(stack, "--connections", n, seconds=min(1.0, measure.options.seconds))
                lines.setdefault(stack.name, []).append((n, got["rate"], got["p50_us"], got["p99_us"]))
                print(f"  {stack.name:34} {n:5} connections {got['rate']:>10,.0f}/s  p50 {got['p50_us']:>7}  p99 {got['p99_us']:>7} µs",
                      flush=True)
    if measure.options.picture:
        picture.draw(measure.options.picture, lines)


# ---- jobs ----

def of_a_handler(case, maker, rivals, least):
    """The job done by one of our handlers, and in what else people run such programs; the fastest of these counts."""
    def run(report):
        with running(report, of_programs(maker), *rivals) as stacks:
            samples = in_turn(stacks, *KEPT)
            for stack, got in zip(stacks, samples):
                report.add(case, stack, got)
            if len(stacks) > 1:
                fastest = max(range(1, len(stacks)), key=lambda i: samples[i].figure("rate").value)
                report.target(f"{case}: requests/s over {stacks[fastest].name}'s", ratio(samples[0], samples[fastest]), least=least)
    return run


CASES = {"kept": kept, "pipelined": pipelined, "single": single, "relatives": relatives, "floor": floor, "contention": contention, "anew": anew,
         "handshakes": handshakes, "tls": tls, "unix": unix, "straight": straight, "large": large, "idle": idle, "thousand": thousand, "workers": workers,
         "loads": several_loads, "access-log": access_log, "curve": curve,
         "python": of_a_handler("handler: Python", handlers.python, [handlers.GearmanPython, handlers.Uwsgi], 1.5),
         "perl": of_a_handler("handler: Perl", handlers.perl, [handlers.GearmanPerl], 2),
         "php": of_a_handler("handler: PHP", handlers.php, [handlers.PhpFpm], 1.5),
         "module": of_a_handler("handler: module", handlers.module, [of_programs(handlers.inline)], 0.25),
         "once": of_a_handler("handler: a process a job", handlers.once, [of_programs(handlers.Fcgiwrap)], 1)}
