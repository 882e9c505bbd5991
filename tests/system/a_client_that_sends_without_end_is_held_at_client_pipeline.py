"""Its server answers nothing: no more than client_pipeline of its requests are taken, the rest waits in its socket."""
import socket
import threading
from lib import pooled
from lib.bench import Bench, Peer, correct, ctl, request, still_serves, wait_until

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--client-pipeline", "20", "--narrate", "no"])
    b.server("other", "222", proxy)
    gate = threading.Event()
    slow = pooled.Server(proxy, "1", gate=gate)
    with Peer(proxy, seconds=30) as p:
        sender = threading.Thread(target=p.send, args=(request("x") * 5000,))
        sender.start()
        wait_until(lambda: len(slow.requests) >= 20, "the first requests are with the server")
        for _ in range(20):
            still_serves(proxy, policy="222")
        assert len(slow.requests) == 20 and ctl(proxy.socket, "status")["in_flight"] == 20, len(slow.requests)
        gate.set()
        assert all(correct(p.read(), "x") for _ in range(5000))
        sender.join()
    assert slow.most_in_flight == 20, slow.most_in_flight
    slow.stop()
