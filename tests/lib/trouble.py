"""The phases of tests/chaos: what befalls a proxy and three servers under load, and what may come of it.

A phase is a generator with @phase that does one harm after the other to the field that it is given; it is taken up again at its own pace
and closed when the time is over, so what it has begun (a server stopped, a peer that misbehaves) it ends in a finally or with."""
import contextlib
import itertools
import os
import random
import signal

from lib import plain, unix
from lib.bench import SLOW, ctl_run
from lib.footprint import below, children

PHASES = []
DEADLY = (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGSTOP)
REPLY_TIMEOUT = 0.4 * SLOW  # seconds, where servers don't answer
SUSPICIOUS = ("--reply-timeout", f"{REPLY_TIMEOUT * 1000:.0f}ms", "--verify", "digest")


class Phase:
    def __init__(self, harm, every, at, proxy, ends, breaks):
        self.harm, self.every, self.at, self.proxy, self.ends, self.breaks = harm, every, at, proxy, ends, breaks
        self.name, self.what = harm.__name__.replace("_", "-"), harm.__doc__


def phase(every, at="proxy", proxy=(), ends=False, breaks=False):
    """every: seconds between two harms; at: what the clients connect to; proxy: its options.
    ends: connections of clients may be ended in order; breaks: those of killed workers may break."""
    def register(harm):
        PHASES.append(Phase(harm, every, at, proxy, ends, breaks))
        return harm
    return register


class Field:
    """What a phase plays on."""

    def __init__(self, bench, options, proxy=()):
        self.bench, self.options = bench, options
        self.quiet = ["--narrate", "no", "--worker-timeout", "1s", "--stop-timeout", "2s"]
        self.random = random.Random(options.seed)
        self.of_the_proxy = [*self.quiet, "--retries", "10", *(o.format(folder=bench.runtime) for o in proxy)]
        self.start_proxy()
        self.servers = [self.start(str(i)) for i in (1, 2, 3)]
        self.killed = 0

    def start_proxy(self, port=0):
        if self.options.unix:
            self.proxy = self.bench.keep(unix.UnixProxy(self.bench, workers=self.options.workers, options=self.of_the_proxy))
        else:
            self.proxy = self.bench.proxy(port=port, workers=self.options.workers, options=self.of_the_proxy)

    def start(self, id, port=0):
        if self.options.unix:
            return self.bench.keep(unix.UnixServer(self.bench, id, "111", self.proxy, workers=self.options.workers, options=self.quiet,
                                                   wait=port == 0))
        return self.bench.server(id, "111", self.proxy, port=port, workers=self.options.workers, options=self.quiet, wait=port == 0)

    @property
    def daemons(self):
        return [self.proxy, *self.servers]

    def servers_in_turn(self):
        """The server of a place is looked up each time: they are replaced."""
        for i in itertools.count():
            yield self.servers[i % len(self.servers)]

    def kill_a_worker(self, daemon, signals=DEADLY):
        """One of its workers gets one of the signals."""
        pids = children(daemon.pid)
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.random.choice(pids), self.random.choice(signals))
                self.killed += 1

    def restart(self, server):
        """One that has ended comes back, at the same port."""
        self.bench.started.remove(server)
        self.servers[self.servers.index(server)] = self.start(server.id, server.port)

    def restart_proxy(self):
        """The same; clients are still asking at its port."""
        self.bench.started.remove(self.proxy)
        self.start_proxy(self.proxy.port)

    def held(self):
        """The most that the killed workers can have held."""
        return self.killed * self.options.parallel * self.options.pipeline

    @contextlib.contextmanager
    def stopped(self, daemon):
        """All its processes stand still, the one that starts others first."""
        stopped = []
        for pid in below(daemon.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
        try:
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def peer(self, behave):
        """A plain server that misbehaves at every other request."""
        turn = itertools.count()

        def every_other(server, connection, request):
            if next(turn) % 2 == 0:
                behave(server, connection, request)
            else:
                plain.answer_with()(server, connection, request)

        peer = plain.Server(self.proxy.port, id="plain", behave=every_other)
        try:
            yield peer
            assert peer.requests or self.options.size > 1024, "nobody asked the peer that misbehaves"  # it takes no large ones
        finally:
            ctl_run("-s", self.proxy.socket, "remove", "plain")
            peer.stop()


# ---- workers ----

@phase(every=0.05)
def server_workers(field):
    """workers of the servers die"""
    while True:
        field.kill_a_worker(field.random.choice(field.servers))
        yield


@phase(every=1, breaks=True)
def proxy_worker(field):
    """a worker of the proxy is killed now and then"""
    while True:
        field.kill_a_worker(field.proxy, [signal.SIGKILL])
        yield


@phase(every=0.05, breaks=True)
def proxy_workers(field):
    """workers of the proxy die all the time"""
    while True:
        field.kill_a_worker(field.proxy)
        yield


@phase(every=0.05, breaks=True)
def all_workers(field):
    """workers of all die"""
    while True:
        field.kill_a_worker(field.random.choice(field.daemons))
        yield


@phase(every=0.05, at="server", breaks=True)
def server_alone(field):
    """workers of a server die that the clients ask themselves"""
    while True:
        field.kill_a_worker(field.servers[0])
        yield


# ---- daemons ----

@phase(every=1)
def server_killed(field):
    """a whole server is killed and started again"""
    for server in field.servers_in_turn():
        server.kill_group()
        field.restart(server)
        yield


@phase(every=2)
def pool_killed(field):
    """all servers are killed at once, and started again one after the other"""
    while True:
        for server in field.servers:
            server.kill_group()
        for server in list(field.servers):
            field.restart(server)
        yield


@phase(every=1)
def server_signals(field):
    """TERM and a new start, HUP, USR2, to one server after the other"""
    servers = field.servers_in_turn()
    while True:
        for order in ("end", "reload", "upgrade"):
            give(field, next(servers), order)
            yield
        next(servers)  # so that each gets each


def give(field, daemon, order):
    if order == "end":
        status = daemon.stop()
        assert status == 0, f"{daemon.socket} ended with {status}:\n{daemon.output[-2000:]}"
        field.restart(daemon)
    elif order == "reload":
        daemon.send_signal(signal.SIGHUP)
    else:
        former = daemon.pid
        daemon.send_signal(signal.SIGUSR2)
        daemon.upgraded(former)


@phase(every=0.5, ends=True)
def proxy_signals(field):
    """HUP, USR2 to the proxy"""
    while True:
        for order in ("reload", "upgrade"):
            give(field, field.proxy, order)
            yield


@phase(every=0.1, ends=True)
def reloads(field):
    """HUP to all"""
    while True:
        for daemon in field.daemons:
            give(field, daemon, "reload")
        yield


@phase(every=1, ends=True)
def upgrades(field):
    """USR2 to one after the other"""
    while True:
        for daemon in field.daemons:
            give(field, daemon, "upgrade")
            yield


# ---- servers that are there, and do harm ----

@phase(every=1.5 * SLOW, proxy=SUSPICIOUS)
def server_hangs(field):
    """one server after the other stands still for a while"""
    for server in field.servers_in_turn():
        with field.stopped(server):
            yield
        yield


def misbehaves(field, behave):
    """It comes back anew each time, trusted again."""
    while True:
        with field.peer(behave):
            yield


@phase(every=3, proxy=SUSPICIOUS)
def server_lies(field):
    """a plain one answers with a wrong digest"""
    return misbehaves(field, plain.answer_with(payload="0" * 40))


@phase(every=3, proxy=SUSPICIOUS)
def server_late(field):
    """a plain one answers after the reply clock"""
    return misbehaves(field, plain.late(1.5 * REPLY_TIMEOUT))


@phase(every=3, proxy=SUSPICIOUS)
def server_cuts(field):
    """a plain one closes within its answer"""
    return misbehaves(field, plain.cut)


@phase(every=2, proxy=("--state-file", "{folder}/state"), breaks=True)
def proxy_killed(field):
    """the whole proxy is killed and started again"""
    while True:
        field.proxy.kill_group()
        field.killed += 2  # a client that reconnects at once reaches what is about to die with the others
        field.restart_proxy()
        yield
