"""Straight to a server, without a proxy that hides it: an object that comes a byte at a time is answered `timeout`, white space does
not keep a connection, and a peer that reads none of its answers is not read from, and closed in the end."""
import socket
import threading
from lib.bench import SLOW, Bench, Peer, ctl, request, still_serves, wait_until

PACKET = request(payload="x")


class Dripper(threading.Thread):
    """Sends a byte now and then until the connection has ended."""

    def __init__(self, peer, text):
        super().__init__(daemon=True)
        self.peer, self.text, self.sent, self.over = peer, text, 0, threading.Event()

    def run(self):
        try:
            while not self.over.wait(0.05) and self.sent < len(self.text):
                self.peer.send(self.text[self.sent:self.sent + 1])
                self.sent += 1
        except OSError:
            pass


def drip(server, text):
    peer = Peer(server.port, seconds=30)
    dripper = Dripper(peer, text)
    dripper.start()
    return peer, dripper


def fill(peer):
    """Sends packets until no more are taken; the bytes that were."""
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.socket.settimeout(0.5 * SLOW)
    sent = 0
    try:
        while sent < 100 << 20:
            sent += peer.socket.send(PACKET * 1000)
    except (socket.timeout, ConnectionError):
        pass
    return sent


with Bench() as b:
    s = b.server("1", "111", None, workers=1, options=["--client-send-timeout", "500ms", "--client-read-timeout", "300ms", "--idle-timeout", "800ms",
                                                       "--narrate", "no"])
    peer, dripper = drip(s, PACKET[:-1] + b" " * 10000)
    got = peer.read()
    assert got["type"] == "3" and got["code"] == "timeout" and "client_send_timeout" in got["message"], got
    assert peer.closed()
    dripper.over.set()
    dripper.join()

    peer, dripper = drip(s, b" \n" * 5000)
    assert peer.closed(), "white space is no packet"
    dripper.over.set()
    dripper.join()
    assert dripper.sent < 5000

    with Peer(s.port, seconds=30) as deaf:
        fill(deaf)
        s.wait_for('msg="peer does not read" peer=127.0.0.1:.*why=client_read_timeout', 30)
    still_serves(s)
    wait_until(lambda: ctl(s.socket, "status")["connections"] == 0, "nothing is left")

    # What it takes in is bounded by what it may have to send, also where no clock ends that.
    s = b.server("2", "111", None, workers=1, options=["--client-read-timeout", "0", "--idle-timeout", "0", "--narrate", "no"])
    with Peer(s.port, seconds=30) as deaf:
        sent = fill(deaf)
        assert sent < 30 << 20, f"it took {sent} bytes though nobody read its answers"
        still_serves(s)
    wait_until(lambda: ctl(s.socket, "status")["connections"] == 0, "nothing is left")
