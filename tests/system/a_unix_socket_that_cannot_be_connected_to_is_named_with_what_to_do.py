import os
import socket
from lib import plain
from lib.bench import FOLDER, Bench, ask, correct, wait_until
from lib.signed import Announcer, Key, write

alpha = Key("alpha")
os.chmod(FOLDER, 0o755)


def path(name):
    return f"{FOLDER}/{name}.sock"


def join(proxy, name):
    """A server at that socket, in a policy of its own."""
    with Announcer(proxy, alpha, id=name, policy=name, host=f"unix:{path(name)}", port="0") as a:
        got = a.join(lease=300)
        assert got.get("verb") == "registered", got
    proxy.wait_server(name)


def open_to_all(name, backlog=64):
    s = plain.listen(f"unix:{path(name)}", backlog)
    os.chmod(path(name), 0o777)
    return s


with Bench() as b:
    proxy = b.proxy(options=["--queue-timeout", "400ms", "--keyring", write(b, "ring", alpha.stanza())])
    dead = open_to_all("dead")
    dead.close()
    closed = plain.listen(f"unix:{path('closed')}")
    os.chmod(path("closed"), 0)
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    datagrams.bind(path("datagrams"))
    os.chmod(path("datagrams"), 0o777)
    for name, why in (("dead", "refused"), ("missing", "no such socket (ENOENT)"), ("closed", "not permitted (EACCES)"),
                      ("datagrams", "is no stream socket")):
        join(proxy, name)
        got = ask(proxy, policy=name)
        assert got["code"] == "upstream-failed" and f"server {name}" in got["message"] and why.lower() in got["message"].lower(), got
        proxy.wait_server(name, state="down")

    # The master, which is root in production, judges as a worker would: it is not brought back by a probe.
    wait_until(lambda: "missed" in (proxy.servers()["closed"]["last_check"] or ""), "a probe")
    assert proxy.servers()["closed"]["reason"] == "cannot be reached", proxy.servers()["closed"]

    # A full backlog is no fault: the request waits for it, and nobody says that the server failed.
    full = open_to_all("full", backlog=0)
    join(proxy, "full")
    waiting = []
    while True:
        s = socket.socket(socket.AF_UNIX)
        s.setblocking(False)
        waiting.append(s)
        try:
            s.connect(path("full"))
        except BlockingIOError:
            break
    got = ask(proxy, policy="full")
    assert got["code"] in ("overloaded", "upstream-failed") and "backlog is full" in got["message"], got
    assert proxy.servers()["full"]["state"] == "new", proxy.servers()
    for s in waiting:
        s.close()
    full.close()

    # One that comes up is used at once.
    class Late(plain.Server):
        def announce(self, *_):
            return None

    late = Late(None, id="dead", port=f"unix:{path('dead')}")
    os.chmod(path("dead"), 0o777)
    wait_until(lambda: correct(ask(proxy, policy="dead")), "it came up")
    proxy.wait_server("dead", state="up", addr=f"unix:{path('dead')}")
    late.stop()
    datagrams.close()
    closed.close()
