"""Its only server takes one at a time and answers nothing; the other policy is served meanwhile; the counters tell."""
import threading
from lib import pooled
from lib.bench import Bench, Peer, ctl, request, still_serves, wait_until

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--queue-timeout", "300ms", "--narrate", "no"])
    b.server("good", "good", proxy)
    gate = threading.Event()
    slow = pooled.Server(proxy, "slow", pipeline=1, slots=1, gate=gate)
    with Peer(proxy) as first, Peer(proxy) as second:
        first.send(request())
        wait_until(lambda: slow.requests, "the first is with the server")
        second.send(request())
        still_serves(proxy, policy="good")
        got = second.read()
        assert got["code"] == "overloaded" and "queue_timeout is 300ms" in got["message"] and got["retryafter"] > 0, got
    status = ctl(proxy.socket, "status")
    assert status["timeouts"]["queue"] == 1 and status["refused"]["overloaded"] == 1 and status["queued"] == 0, status
    row = next(p for p in ctl(proxy.socket, "policies") if p["policy"] == "111")
    assert row["expired"] == 1 and row["queued"] == 0 and row["queued_max"] == 1, row
    gate.set()
    slow.stop()
