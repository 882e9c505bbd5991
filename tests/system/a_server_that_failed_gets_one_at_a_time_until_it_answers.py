"""Also when several ask at once; and its next answer gives it its full load again."""
import threading
from lib import plain, pooled
from lib.bench import Bench, Peer, ask, correct, ctl, request, wait_until

gate = threading.Event()
bad = threading.Event()


def answer(server, r):
    return {"type": "9"} if bad.is_set() else plain.reply(server.id, r)


with Bench() as b:
    proxy = b.proxy(workers=1, options=["--eject-after", "0", "--retries", "0"])
    server = pooled.Server(proxy, gate=gate, answer=answer)
    proxy.wait_server("1")
    gate.set()
    assert correct(ask(proxy))  # one that nobody has had an answer of gets one at a time anyway
    bad.set()
    assert ask(proxy)["code"] == "upstream-failed"
    bad.clear()
    for load, waits in ((1, 3), (4, 0)):
        gate.clear()
        peers = [Peer(proxy).send(request(srcid=str(i))) for i in range(4)]
        wait_until(lambda: ctl(proxy.socket, "status")["queued"] == waits and proxy.servers()["1"]["in_flight"] == load, f"{load} of 4 at the server")
        gate.set()
        for p in peers:
            assert correct(p.read())
            p.close()
    server.stop()
