import threading
from lib import pooled
from lib.bench import Bench, Peer, correct, ctl, request, still_serves

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--reply-timeout", "300ms", "--retries", "0", "--narrate", "no"])
    b.server("good", "good", proxy)
    gate = threading.Event()
    slow = pooled.Server(proxy, "slow", gate=gate)
    with Peer(proxy) as p:
        p.send(request("late"))
        still_serves(proxy, policy="good")
        got = p.read()
        assert got["code"] in ("timeout", "upstream-failed") and "reply_timeout" in got["message"], got
        assert ctl(proxy.socket, "status")["timeouts"]["reply"] == 1
        gate.set()
    slow.stop()
