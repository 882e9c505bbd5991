"""Somebody has taken a worker over and speaks on its line to the master: cut, endless and random messages, a registration from
nowhere, an incident of no server, an explanation of servers that can't be.  The master serves on, and its pool is as it was."""
import os
import random
import select
import signal
import socket
import struct
import subprocess
import threading
from lib.bench import PROGRAMS, Bench, ask, correct, ctl, runs, wait_until, workers
from lib.descriptors import socket_of

REGISTRATION, INCIDENT, EXPLAIN = 1, 2, 3


def line_to_master(pid):
    """The worker's own end."""
    return socket_of(pid, lambda s: s.family == socket.AF_UNIX and s.type & socket.SOCK_SEQPACKET == socket.SOCK_SEQPACKET)


def say(line, body):
    """As a message of the worker's; waits where the master has much to read, without making the worker's own end wait."""
    while True:
        try:
            line.send(b"D" + body, socket.MSG_DONTWAIT)
            return
        except BlockingIOError:
            select.select([], [line], [], 10)


def explanation(token, server, verdict=0):
    return struct.pack("=I4xQI??2x", EXPLAIN, token, 1, True, True) + struct.pack("=I?3xi?3xIII4xQ", server, False, verdict, False, 0, 0, 0, 0)


with Bench() as b:
    proxy = b.proxy(workers=2, options=["--narrate", "no"])
    b.server("1", "111", proxy, options=["--narrate", "no"])
    before = {k: v for k, v in proxy.servers()["1"].items() if k in ("id", "policy", "addr", "state")}
    taken = workers(proxy)[0]
    line = line_to_master(taken)

    # Answers to a question that was really asked.
    for token, what in enumerate([(2**32 - 1, 0), (4096, 0), (0, 99), (0, -1)], 1):
        os.kill(taken, signal.SIGSTOP)
        asking = subprocess.Popen([f"{PROGRAMS}/ppool-ctl", "-s", proxy.socket, "explain", "111"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = proxy.output.count("explained what nobody understands")
        while proxy.output.count("explained what nobody understands") == said and proxy.alive() and asking.poll() is None:
            say(line, explanation(token, *what))
            threading.Event().wait(0.02)
        assert proxy.alive(), proxy.output
        os.kill(taken, signal.SIGCONT)
        assert asking.wait(30) in (0, 1)

    # Registrations that no connection brought, and whatever else.
    dice = random.Random(1)
    packet = b'{"type":"1","id":"evil","privPolyId":"111","listenport":"5"}'
    guests = [b"\xff" * 80, b"\0" * 80, struct.pack("=H", socket.AF_UNIX) + b"/" * 78, struct.pack("=H26xI", socket.AF_INET, 2**32 - 1) + b"f" * 48]
    for guest in guests:
        for n in (0, 1, 79, 80):
            say(line, struct.pack("=I4xQ", REGISTRATION, 1) + guest[:n] + packet)
    for server in (0, 1, 4095, 4096, 2**32 - 1):
        say(line, struct.pack("=IIQQI4x", INCIDENT, server, 2**64 - 1, 2**64 - 1, 2**32 - 1))
    for _ in range(2000):
        say(line, struct.pack("=I", dice.randrange(6)) + dice.randbytes(dice.choice((0, 3, 12, 100, 3000, 16000))))
    line.close()

    assert proxy.alive() and runs(taken), proxy.output
    wait_until(lambda: "what is no registration" in proxy.output and "nobody understands" in proxy.output, "it is told")
    servers = proxy.servers()
    assert list(servers) == ["1"] and {k: servers["1"][k] for k in before} == before, servers
    assert all(correct(ask(proxy)) for _ in range(10))
    assert ctl(proxy.socket, "status")["state"] == "running"
