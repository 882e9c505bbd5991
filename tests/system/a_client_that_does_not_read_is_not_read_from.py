"""It sends far more than the proxy will hold for it; others are served meanwhile, and it gets everything later."""
import threading
from lib.bench import Bench, Peer, correct, ctl, request, still_serves, wait_until

N = 100000
STILL = 25  # looks

with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no"])
    b.server("1", "111", proxy, options=["--narrate", "no"])
    with Peer(proxy, seconds=30) as p:
        sender = threading.Thread(target=p.send, args=(request("w" * 300) * N,))
        sender.start()
        seen = []

        def stands():
            seen.append(ctl(proxy.socket, "status")["requests"])
            return len(seen) > STILL and seen[-STILL] == seen[-1] > 0
        wait_until(stands, "nothing more is read", 60)
        assert seen[-1] < N, "all was read of it"
        for _ in range(20):
            still_serves(proxy)
        for i in range(N):
            got = p.read()
            assert correct(got, "w" * 300), (i, got)
        sender.join()
