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
    for again in (False, True):
        proxy = b.proxy(options=["--reply-timeout", "60s", "--stop-timeout", "60s"])
        gate.clear()
        old = plain.Server(proxy.port, id="1", behave=slow)
        proxy.wait_server("1")
        with Peer(proxy) as p, Peer(proxy) as idle:
            p.send(request())
            wait_until(lambda: proxy.servers()["1"]["in_flight"] == 1, "it is in flight")
            proxy.send_signal(signal.SIGTERM)
            assert idle.closed(), "an idle connection ends at once"
            assert proxy.alive()
            if again:
                proxy.send_signal(signal.SIGTERM)
                assert proxy.wait(5) == 0
                assert p.closed()
            else:
                gate.set()
                assert correct(p.read()), "what was in flight is answered"
                assert proxy.wait() == 0
        gate.set()
        old.stop()
        b.started.remove(proxy)
    for number in (signal.SIGINT, signal.SIGQUIT):
        proxy = b.proxy()
        server = b.server("1", "111", proxy)
        assert server.stop(number, 5) == 0
        proxy.wait_server("1", present=False)
        assert proxy.stop(number, 5) == 0
