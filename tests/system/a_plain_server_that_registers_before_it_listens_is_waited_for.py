import threading
from lib import plain
from lib.bench import Bench, Peer, correct, request

with Bench() as b:
    proxy = b.proxy()
    listens = threading.Event()
    old = plain.Server(proxy.port, id="1", listens=listens)
    proxy.wait_server("1")
    with Peer(proxy) as p:
        p.send(request())
        proxy.wait_for("server down.*refused")
        listens.set()
        assert correct(p.read())
    old.stop()
