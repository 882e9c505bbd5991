"""A server loses twelve requests at once: three may be on a further try at the other, which takes its time; the others
wait for that, and are told so when it takes too long."""
import select
import threading
from lib import pooled
from lib.bench import Bench, Peer, correct, request

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--queue-timeout", "400ms", "--retry-budget", "0", "--eject-after", "0"])
    first = pooled.Server(proxy, id="1", gate=threading.Event())
    proxy.wait_server("1")
    peers = {p.socket: p for p in [Peer(proxy, seconds=60) for _ in range(12)]}
    for i, p in enumerate(peers.values()):
        p.send(request(srcid=str(i)))
    proxy.wait_server("1", in_flight=12)
    second = pooled.Server(proxy, id="2", gate=threading.Event())
    proxy.wait_server("2")
    first.stop()
    proxy.wait_server("1", in_flight=0, retried=12)
    for _ in range(9):
        ready = select.select(list(peers), [], [], 60)[0]
        got = peers.pop(ready[0]).read()
        assert got["code"] == "upstream-failed" and "server 1 failed, and the retry budget is spent" in got["message"], got
    assert proxy.servers()["2"]["in_flight"] == 3, proxy.servers()["2"]
    second.gate.set()
    assert all(correct(p.read()) for p in peers.values())
    second.stop()
