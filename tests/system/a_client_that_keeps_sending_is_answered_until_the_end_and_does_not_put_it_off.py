"""On both daemons: whoever never pauses is served on while the daemon stops, and its connection is ended between two answers
before stop_timeout is over; whoever pauses is ended at once."""
import signal
import threading
import time
from lib.bench import SLOW, Bench, Peer, correct, request

LIMIT = 3 * SLOW


class Busy(threading.Thread):
    """Asks and reads, until the end."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.peer = Peer(daemon)
        self.answered, self.wrong, self.begun = 0, [], threading.Event()

    def run(self):
        try:
            while (got := self.peer.ask(request(str(self.answered)))) is not None:
                if not correct(got, str(self.answered)) and got.get("code") != "shutting-down":
                    self.wrong.append(got)
                self.answered += 1
                self.begun.set()
        except (BrokenPipeError, ConnectionResetError):
            pass
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
            assert busy.is_alive()
            busy.join()
            lasted = time.monotonic() - began
        assert not busy.wrong and LIMIT / 2 < lasted < LIMIT, (busy.wrong[:3], lasted)
        assert daemon.wait(10) == 0
        assert "worker killed" not in daemon.output
        b.started.remove(daemon)
