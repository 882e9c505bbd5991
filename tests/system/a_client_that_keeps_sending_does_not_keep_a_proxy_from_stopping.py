"""What was taken before TERM is answered; what comes after it is refused with shutting-down, and the end comes soon."""
import json
import signal
import threading
from lib import plain
from lib.bench import Bench, Peer, correct, request, wait_until

gate = threading.Event()


def slow(server, c, r):
    gate.wait(20)
    c.sendall(json.dumps(plain.reply(server.id, r)).encode())


with Bench() as b:
    proxy = b.proxy(options=["--stop-timeout", "60s", "--reply-timeout", "60s"])
    old = plain.Server(proxy.port, id="1", behave=slow)
    proxy.wait_server("1")
    with Peer(proxy) as p:
        p.send(request("before"))
        wait_until(lambda: proxy.servers()["1"]["in_flight"] == 1, "it is in flight")
        proxy.send_signal(signal.SIGTERM)
        proxy.wait_for("stopping")
        for _ in range(50):
            p.send(request("after"))
            threading.Event().wait(0.01)
        gate.set()
        assert correct(p.read(), "before")
        codes = []
        while (got := p.read()) is not None:
            codes.append(got.get("code", "served"))
        assert codes and codes[-1] == "shutting-down" and set(codes) <= {"served", "shutting-down"}, codes
    assert proxy.wait(10) == 0
    b.started.remove(proxy)
    old.stop()
