"""sd_notify(3)'s messages, in their order, at a socket that stands for the service manager's."""
import os
import signal
import socket
from lib.bench import FOLDER, Bench, ask, correct, wait_until, workers

path = os.path.join(FOLDER, "notify")
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(path)
manager.setblocking(False)
os.environ["NOTIFY_SOCKET"] = path
os.environ["WATCHDOG_USEC"] = "1000000"
heard = []


def listen():
    while True:
        try:
            heard.append(manager.recv(4096).decode())
        except BlockingIOError:
            return heard


def has(text, times=1, after=0):
    return sum(m == text for m in listen()[after:]) >= times


with Bench() as b:
    server = b.server("1", "111", None, workers=2, options=["--worker-timeout", "2s"])
    wait_until(lambda: has("STATUS=running: 2 of 2 workers ready"), "the status")
    assert heard.count(f"READY=1\nMAINPID={server.pid}") == 1, heard
    assert correct(ask(server)), "it said that it is ready"
    wait_until(lambda: has("WATCHDOG=1", 4), "the watchdog, again and again")
    # A worker that dies is no reason for alarm; two that hang are.
    stopped = workers(server)
    at = len(listen())
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: any(m.startswith("STATUS=") for m in listen()[at:]), "the change")
    wait_until(lambda: len(workers(server)) == 2 and not set(workers(server)) & set(stopped), "successors")
    wait_until(lambda: has("STATUS=running: 2 of 2 workers ready", after=at), "the status")
    wait_until(lambda: has("WATCHDOG=1", 2, after=listen().index("STATUS=running: 2 of 2 workers ready", at)), "the watchdog")
    at = len(listen())
    assert server.stop() == 0
    assert "STOPPING=1" in listen()[at:] and not any(m.startswith("READY") for m in heard[at:]), heard[at:]
    assert sum(m.startswith("READY") for m in heard) == 1 and all("=" in m for m in heard), heard
