"""They wait in one queue for a server that takes one at a time; clients take turns, each with its requests in order."""
import threading
from lib import pooled
from lib.bench import Bench, Peer, correct, ctl, request, wait_until

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--client-pipeline", "2000", "--queue-timeout", "1m", "--narrate", "no"])
    gate = threading.Event()
    server = pooled.Server(proxy, "1", pipeline=1, slots=1, gate=gate)
    with Peer(proxy, seconds=60) as greedy, Peer(proxy) as modest:
        for i in range(1000):
            greedy.send(request(f"g{i}", srcid=f"g{i}"))
        wait_until(lambda: ctl(proxy.socket, "status")["queued"] == 999, "all but one wait")
        modest.send(request("m", srcid="m"))
        wait_until(lambda: ctl(proxy.socket, "status")["queued"] == 1000, "the single one waits, too")
        gate.set()
        assert correct(modest.read(), "m")
        for i in range(1000):
            got = greedy.read()
            assert correct(got, f"g{i}") and got["destid"] == f"g{i}", (i, got)
    order = [r["srcid"] for r in server.requests]
    assert order.index("m") <= 2, order.index("m")
    assert [s for s in order if s != "m"] == [f"g{i}" for i in range(1000)]
    row = ctl(proxy.socket, "policies")[0]
    assert row["queued"] == 0 and row["queued_max"] == 1000, row
    server.stop()
