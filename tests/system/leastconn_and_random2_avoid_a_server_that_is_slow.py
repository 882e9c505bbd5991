"""One of three answers nothing for a while: one client waits for it; all others are served by the others,
whichever worker they are at."""
import threading
from lib import pooled
from lib.bench import Bench, Peer, correct, request, wait_until

with Bench() as b:
    for balance in ("leastconn", "random2"):
        proxy = b.proxy(workers=2, options=["--balance", balance, "--narrate", "no"])
        gate = threading.Event()
        slow = pooled.Server(proxy, "slow", gate=gate)
        quick = [pooled.Server(proxy, f"quick-{i}") for i in range(2)]
        with Peer(proxy, seconds=30) as stuck:
            sent = 0
            while not slow.requests:
                stuck.send(request(srcid="stuck"))
                sent += 1
                wait_until(lambda: sum(len(s.requests) for s in (slow, *quick)) == sent, "the request is with a server")
            peers = [Peer(proxy) for _ in range(6)]
            assert all(correct(peers[i % 6].ask(request(srcid=str(i)))) for i in range(300))
            assert len(slow.requests) == 1, (balance, len(slow.requests))
            assert min(len(s.requests) for s in quick) >= 50, "one of the two did nearly all"
            gate.set()
            assert all(correct(stuck.read()) for _ in range(sent))
        for p in peers:
            p.close()
        for s in (slow, *quick):
            s.stop()
