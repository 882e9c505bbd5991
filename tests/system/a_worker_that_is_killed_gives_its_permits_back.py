"""It had the only connection to a plain server; the worker in its place gets it."""
import os
import signal
import threading
from lib import plain
from lib.bench import Bench, Peer, ask, correct, request, wait_until, workers
from lib.quiet import quiet

gate = threading.Event()


def waits(server, c, r):
    gate.wait(60)
    plain.answer_with()(server, c, r)


with Bench() as b:
    proxy = b.proxy(workers=1)
    old = plain.Server(proxy.port, id="1", behave=waits)
    proxy.wait_server("1")
    with Peer(proxy) as p:
        p.send(request())
        proxy.wait_server("1", in_flight=1, connections=1)
        former = workers(proxy)
        os.kill(former[0], signal.SIGKILL)
        assert p.closed()
    gate.set()
    wait_until(lambda: workers(proxy) not in ([], former), "another worker")
    assert correct(ask(proxy))
    quiet(proxy)
    old.stop()
