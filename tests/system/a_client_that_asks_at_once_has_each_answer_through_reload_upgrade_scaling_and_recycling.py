"""A client that sends the next request as soon as it has an answer can't see a connection's end in time: each of its requests is
answered, or told `shutting-down` by a worker that is about to end, and none meets the end of the connection in place of an answer.  One
request at a time and several, over TLS, half-closed, at the proxy and at servers that are asked directly; behind the proxy a server's
workers come and go unseen.  ppool-client --resend no loses nothing."""
import collections
import itertools
import json
import subprocess
import threading
import time
from lib.bench import PROGRAMS, SLOW, Bench, Peer, correct, ctl, ctl_run, request, wait_until
from lib.certificates import SecurePeer, authority, issue, listening
from lib.handlers import UPPER, python

LIMIT = 2 * SLOW
GAP = 0.04  # a connection without a packet for a little longer may be taken for one that pauses
CLIENTS = 8


class Eager(threading.Thread):
    """Has `window` requests on the way until it is told to go, then reads their answers to the end.  A machine that let it wait made it
    pause: what is lost then is not."""

    def __init__(self, connect, right, window=1, half=False):
        super().__init__(daemon=True)
        self.connect, self.right, self.window, self.half = connect, right, window, half
        self.answered = self.told = self.paused = 0
        self.wrong, self.lost, self.over = [], [], threading.Event()

    def ask(self, peer, payload):
        """False when the connection has ended by then."""
        try:
            peer.send(request(payload) + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def run(self):
        try:
            while not self.over.is_set():
                with self.connect() as peer:
                    self.serve(peer)
        except Exception as e:  # which the main thread asserts on
            self.wrong.append(repr(e))

    def serve(self, peer):
        sent = got = 0
        going = True
        # Of the last packets, before and after they were sent: a thread may have to wait in between.
        times = collections.deque([(time.monotonic(),) * 2], maxlen=self.window + 2)
        while going or got < sent:
            while going and sent - got < self.window:
                began = time.monotonic()
                asked = self.ask(peer, f"{id(self)} {sent}")
                times.append((began, time.monotonic()))
                if not asked:
                    break
                sent += 1
            answer = peer.read()
            if answer is None:
                times.append((time.monotonic(),) * 2)
                gaps = [round(sent_by - earlier, 4) for (earlier, _), (_, sent_by) in itertools.pairwise(times)]
                if max(gaps) < GAP:
                    self.lost.append((self.window, self.half, going, sent, got, gaps))
                self.paused += max(gaps) >= GAP
                return
            if answer.get("code") == "shutting-down":
                self.told += 1
                going = False
            elif self.right(answer, f"{id(self)} {got}"):
                self.answered += 1
            else:
                self.wrong.append(answer)
            got += 1
            if going and (self.over.is_set() or (self.half and got % 500 == 499)):
                going = False
                if self.half:
                    peer.end()
        if self.half or not self.over.is_set():
            end = peer.read()
            if end is not None and end["destid"] == "" and end["code"] == "shutting-down":
                end = peer.read()  # that nothing else was run
            assert end is None, f"more than the answers: {end}"


def through(daemon, connect, right, orders, what, unseen=False, half=True):
    """Carries out the orders one after another, each once every client has gone on."""
    crowd = [Eager(connect, right, window=1 if i % 2 else 5, half=half and i % 4 == 3) for i in range(CLIENTS)]
    for c in crowd:
        c.start()

    def go_on(n=20):
        before = [c.answered for c in crowd]
        wait_until(lambda: all(not c.is_alive() or c.answered > a + n for c, a in zip(crowd, before)), f"{what}: they go on")
    try:
        for order in orders:
            go_on()
            if order == ["upgrade"]:
                daemon.upgrade()
            else:
                status, out, err = ctl_run("-s", daemon.socket, *order)
                assert status == 0, (order, out, err)
            wait_until(lambda: len(ctl(daemon.socket, "workers")) == ctl(daemon.socket, "status")["workers"]["wanted"],
                       "the former workers end")
            go_on()
    finally:
        for c in crowd:
            c.over.set()
        for c in crowd:
            c.join(60)
    answered, told, paused = (sum(getattr(c, key) for c in crowd) for key in ("answered", "told", "paused"))
    lost, wrong = [x for c in crowd for x in c.lost], [w for c in crowd for w in c.wrong]
    assert not wrong and not lost, (what, orders, answered, told, lost, paused, wrong[:3])
    assert (told == 0) if unseen else (told > 0 or paused > 0), (what, answered, told, paused)


def plain_to(daemon):
    return lambda: Peer(daemon.port)


def upper(answer, payload):
    return str(answer["type"]) == "2" and answer["payload"] == payload.upper()


ORDERS = [["reload"], ["upgrade"], ["scale", "1"], ["scale", "2"], ["recycle", "0"]]
quiet = ["--narrate", "no", "--stop-timeout", f"{LIMIT}s"]

with Bench() as b:
    proxy = b.proxy(options=quiet)
    server = b.server("1", "111", proxy, options=quiet)
    through(proxy, plain_to(proxy), correct, ORDERS, "the proxy")
    through(server, plain_to(server), correct, ORDERS, "a server")
    through(server, plain_to(proxy), correct, ORDERS, "a server behind the proxy", unseen=True)
    for _ in range(3):  # a machine that let it wait made it pause
        load = subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", "111", "--size", "64", "--parallel", "8",
                                 "--pipeline", "4", "--resend", "no", "--duration", f"{4 * LIMIT}s", "--json"], stdout=subprocess.PIPE, text=True)
        ctl_run("-s", proxy.socket, "reload")
        ctl_run("-s", server.socket, "reload")
        proxy.upgrade()
        got = json.loads(load.communicate(timeout=100)[0])
        assert got["wrong"] == got["refused"] == 0, got
        if got["failed"] == 0:
            break
    assert (got["failed"] == 0 and got["resent"] > 0) or got["latency_us"]["max"] > GAP * 1e6, got

with Bench() as b:
    job = ["--handler", "exec", "--handler-command", f"python3,{python(UPPER)}", "--handler-processes", "2", "--handler-queue", "100", *quiet]
    server = b.server("2", "111", None, options=job)
    through(server, plain_to(server), upper, [["reload"], ["upgrade"]], "a server with a handler")

with Bench() as b:
    ca = authority()
    secure = b.server("3", "111", None, options=[*quiet, *listening(issue("pool", ca))])
    through(secure, lambda: SecurePeer(secure.port, ca), correct, [["reload"]], "over TLS", half=False)

with Bench() as b:
    proxy = b.proxy(options=[*quiet, "--worker-max-requests", "1500"])
    server = b.server("1", "111", proxy, options=[*quiet, "--worker-max-requests", "1500"])
    began = len(ctl(proxy.socket, "deaths"))
    crowd = [Eager(plain_to(proxy), correct, window=1 + 3 * (i % 2)) for i in range(CLIENTS)]
    for c in crowd:
        c.start()
    wait_until(lambda: len(ctl(proxy.socket, "deaths")) >= began + 3, "some workers are recycled", 120)
    for c in crowd:
        c.over.set()
    for c in crowd:
        c.join(60)
    assert not any(c.wrong or c.lost for c in crowd), [(c.answered, c.told, c.lost, c.paused, c.wrong) for c in crowd]
