"""On both daemons: a client that never pauses is served on while the daemon stops, and its connection is ended between two answers
before stop_timeout is over; one that pauses is ended at once.  One that never has all its answers is refused the rest."""
import signal
import threading
import time
from lib import plain
from lib.bench import SLOW, Bench, Peer, correct, request

LIMIT = 3 * SLOW
GAP = 0.04  # without a packet for a little longer than that a connection is taken for one that pauses


class Busy(threading.Thread):
    """Asks and reads, until the end; one more is on its way all the time.  A machine that lets it wait makes it pause: it notes the longest."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.peer = Peer(daemon)
        self.answered, self.wrong, self.begun = 0, [], threading.Event()
        self.sent = self.pause = 0

    def note(self):
        now = time.monotonic()
        if self.begun.is_set():
            self.pause = max(self.pause, now - self.sent)
        self.sent = now

    def ask(self):
        self.note()
        return self.peer.ask(request(str(self.answered + 1)))

    def run(self):
        try:
            self.peer.send(request("0"))
            while (got := self.ask()) is not None:
                if not correct(got, str(self.answered)) and got.get("code") != "shutting-down":
                    self.wrong.append(got)
                self.answered += 1
                self.begun.set()
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.note()
        self.peer.close()


with Bench() as b:
    for stopped in ("server", "proxy"):
        proxy = b.proxy(options=["--stop-timeout", f"{LIMIT}s", "--narrate", "no"])
        server = b.server("1", "111", proxy, options=["--stop-timeout", f"{LIMIT}s", "--narrate", "no"])
        daemon = server if stopped == "server" else proxy
        busy = Busy(daemon)
        with Peer(daemon) as idle:
            assert correct(idle.ask(request()))
            busy.start()
            busy.begun.wait()
            began = time.monotonic()
            daemon.send_signal(signal.SIGTERM)
            assert idle.closed() and time.monotonic() - began < LIMIT / 2, "a pause is the end"
            assert busy.is_alive() or busy.pause > GAP
            busy.join()
            lasted = time.monotonic() - began
        assert not busy.wrong and lasted < LIMIT, (busy.wrong[:3], lasted)
        assert lasted > LIMIT / 2 or busy.pause > GAP, (lasted, busy.pause)
        assert daemon.wait(10) == 0
        assert "worker killed" not in daemon.output
        b.started.remove(daemon)

ON_THE_WAY = 12

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--stop-timeout", f"{LIMIT}s", "--narrate", "no"])
    server = plain.Server(proxy.port, id="1", behave=plain.late(0.03))  # so that there is no moment between two answers
    proxy.wait_server("1")
    peer = Peer(proxy)
    for i in range(ON_THE_WAY):
        peer.send(request(str(i)))
    replies = [peer.read()]
    proxy.send_signal(signal.SIGTERM)
    try:
        while replies[-1] is not None:
            peer.send(request(str(ON_THE_WAY - 1 + len(replies))))
            replies.append(peer.read())
    except (BrokenPipeError, ConnectionResetError):
        replies.append(None)
    peer.close()
    assert proxy.wait(10) == 0
    assert "worker killed" not in proxy.output, "it was not ended between two answers"
    refused = [r.get("code") == "shutting-down" for r in replies[:-1]]
    assert refused == sorted(refused) and refused[-1], (len(refused), replies[-3:])
    assert all(correct(r, str(i)) for i, (r, no) in enumerate(zip(replies, refused)) if not no), replies
    b.started.remove(proxy)
    server.stop()
