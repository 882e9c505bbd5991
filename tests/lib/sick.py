#!/usr/bin/env python3
"""A handler that does what a payload asks of it: "sick:MODE" or "sick:MODE:ANYTHING" is a misbehaviour, any other payload is
answered with its SHA-256, so that an answer that goes astray is seen.  Only what Python always has: it runs as anybody."""
import hashlib
import json
import os
import random
import resource
import signal
import socket
import sys
import time

KEPT = []


def say(text):
    """All of it, as bytes or text, at once."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    while data:
        data = data[os.write(1, data):]


def answer(job, payload=None, **more):
    say(json.dumps({"job": job["job"], "payload": hashlib.sha256(job["payload"].encode()).hexdigest() if payload is None else payload, **more}) + "\n")


def spin():
    while True:
        pass


def deaf_to_signals():
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass  # KILL and STOP


def child(work):
    """Another process, which keeps what this one has open."""
    if os.fork() == 0:
        work()
        os._exit(0)


def sleep():
    time.sleep(1000)


# ---- ends ----

def segfault(job):
    os.kill(os.getpid(), signal.SIGSEGV)


def abort(job):
    os.abort()


def leaves(job):
    os._exit(0)


# ---- hangs ----

def loops(job):
    spin()


def mute(job):
    sleep()


def stubborn(job):
    deaf_to_signals()
    spin()


# ---- takes ----

def leaks(job):
    KEPT.append(bytearray(os.urandom(4096) * 1024))  # 4 MiB, touched
    answer(job)


def forks(job):
    child(sleep)
    answer(job)


def daemonises(job):
    def detach():
        os.setsid()
        child(sleep)
    child(detach)
    os._exit(0)


def bomb(job):
    """Each has two children, to a depth that the machine stands."""
    def grow(depth):
        deaf_to_signals()
        if depth > 0:
            for _ in range(2):
                child(lambda: grow(depth - 1))
        sleep()
    try:
        child(lambda: grow(4))
        child(lambda: grow(4))
    except OSError:
        pass
    sleep()


def multiplies(job):
    """Starts processes without end, as far as it is let, and 200 at most; every other one is in a session of its own."""
    made, refused = 0, False
    while made < 200:
        try:
            if os.fork() == 0:
                if made % 2:
                    os.setsid()
                deaf_to_signals()
                sleep()
                os._exit(0)
            made += 1
        except OSError as e:
            if not refused:
                print(f"refused after {made}: {e.strerror}", file=sys.stderr, flush=True)
            refused = True
            time.sleep(0.01)
    sleep()


# ---- lies ----

def garbage(job):
    say("Traceback (most recent call last):\n")
    sleep()


def half(job):
    say('{"job":%d,"payl' % job["job"])
    sleep()


def twice(job):
    answer(job)
    answer(job)


def early(job):
    answer(job)
    say(json.dumps({"job": job["job"] + 1, "payload": "early"}) + "\n")


def foreign(job):
    say(json.dumps({"job": job["job"] + 1000, "payload": "foreign"}) + "\n")
    sleep()


def mutters(job):
    """Writes what nobody asked for, later and whole."""
    answer(job)
    time.sleep(0.02)
    say("unasked\n")


# ---- closes and floods ----

def closes(job):
    os.close(1)
    sleep()


def deaf(job):
    """Answers, and reads nothing any more."""
    answer(job)
    sleep()


def endless(job):
    """A GiB without the end of a line, if it is let."""
    block = b"x" * (1 << 20)
    for _ in range(1024):
        say(block)
    sleep()


def large(job):
    answer(job, "x" * (3 << 20))


def shouts(job):
    line = b"y" * 1000 + b"\n"
    for _ in range(64 << 10):
        os.write(2, line)
    answer(job)


def bad_utf8(job):
    say(b'{"job":%d,"payload":"caf\xe9"}\n' % job["job"])


def surrogate(job):
    say('{"job":%d,"payload":"\\ud800"}\n' % job["job"])


def nonsense(job):
    say('{"job":%d,"payload":17}\n' % job["job"])


# ---- breaks out ----

def sockets(job):
    try:
        socket.socket().connect(("127.0.0.1", 1))
        answer(job, "connected")
    except PermissionError:
        say(json.dumps({"job": job["job"], "error": "no socket"}) + "\n")
    except OSError as e:
        answer(job, f"a socket: {e}")


def shoots(job):
    """At the master, and whatever else it can."""
    hit = []
    for pid in {os.getppid(), *(int(p) for p in os.listdir("/proc") if p.isdigit())} - {os.getpid(), 1}:
        try:
            os.kill(pid, 0)
            hit.append(pid)
        except OSError:
            pass
    answer(job, "could signal " + " ".join(map(str, sorted(hit))))


MODES = {f.__name__: f for f in (segfault, abort, leaves, loops, mute, stubborn, leaks, forks, daemonises, bomb, multiplies, garbage, half, twice, early,
                                 foreign, mutters, closes, deaf, endless, large, shouts, bad_utf8, surrogate, nonsense, sockets, shoots)}


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.environ.get("PPOOL_start") == "crash":
        print("cannot start", file=sys.stderr)
        sys.exit(3)
    jitter = float(os.environ.get("PPOOL_jitter", "0"))  # seconds at most that an answer takes
    for line in sys.stdin.buffer:
        job = json.loads(line)
        if jitter and random.random() < 0.5:
            time.sleep(jitter * random.random())
        kind, _, mode = job["payload"].partition(":")
        if job["job"] != 0 and kind == "sick":
            MODES[mode.partition(":")[0]](job)
        else:
            answer(job)


if __name__ == "__main__":
    main()
