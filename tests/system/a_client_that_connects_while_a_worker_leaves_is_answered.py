"""Clients that connect, ask once and take no second try, while workers are recycled, are made fewer, or are told to end: each is answered,
by proxy and server, also one that asks a moment after it has connected."""
import contextlib
import os
import signal
import socket
import threading
import time
from lib.bench import Bench, ctl, ctl_run, request, workers, wait_until

ROUNDS = 6
GAP = 0.04  # a client whose first request comes a little later than this may be taken for one that pauses


class Clients:
    """Some that ask again and again, each time over a connection of its own."""

    def __init__(self, port, n=6):
        self.port, self.over, self.asked, self.late, self.unanswered = port, threading.Event(), 0, 0, []
        self.threads = [threading.Thread(target=self.ask, args=(i,)) for i in range(n)]

    def ask(self, i):
        while not self.over.is_set():
            self.asked += 1
            began = time.monotonic()
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=30) as s:
                    if i % 2:
                        time.sleep(0.005)
                    s.sendall(request(str(i)))
                    took = time.monotonic() - began
                    if s.recv(4096):
                        continue
                    self.late += took >= GAP  # the machine let it wait
                    if took < GAP:
                        self.unanswered.append(f"the end in place of an answer, asked after {took:.4f} s")
            except OSError as e:
                self.unanswered.append(repr(e))

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for t in self.threads:
            t.join()


def told_to_end(pid):
    """One that was ready when it was looked for may have gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        return True
    return False


def all_up(daemon, n):
    wait_until(lambda: len(workers(daemon)) == n, f"{n} workers")


with Bench() as b:
    proxy = b.proxy(workers=2, options=["--narrate", "no"])
    server = b.server("1", "111", proxy, options=["--narrate", "no"])
    for daemon in (proxy, server):
        with Clients(daemon.port) as clients:
            for _ in range(ROUNDS):
                ready = [w["slot"] for w in ctl(daemon.socket, "workers") if w["state"] == "ready"]
                assert ctl_run("-s", daemon.socket, "recycle", ready[0])[0] == 0
                all_up(daemon, 2)
            for i in range(ROUNDS):
                assert ctl_run("-s", daemon.socket, "scale", 1 + i % 2)[0] == 0
                all_up(daemon, 1 + i % 2)
            for _ in range(ROUNDS):
                wait_until(lambda: any(told_to_end(pid) for pid in workers(daemon)), "one is told to end")
                time.sleep(0.3)
                all_up(daemon, 2)
        assert clients.asked - clients.late > 50 and not clients.unanswered, (daemon.port, clients.asked, len(clients.unanswered), clients.unanswered[:3])
