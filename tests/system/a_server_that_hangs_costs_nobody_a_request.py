"""A server that is stopped still accepts: only time tells.  It returns when it goes on."""
import os
import signal
from lib.bench import Bench, Peer, correct, request, wait_until

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--reply-timeout", "300ms", "--eject-time", "300ms", "--check-timeout", "300ms", "--check-interval",
                                        "200ms", "--slow-start", "100ms", "--narrate", "no"])
    b.server("1", "111", proxy)
    hung = b.server("2", "111", proxy, options=["--lease", "10m"])
    peers = [Peer(proxy) for _ in range(8)]
    os.killpg(hung.pid, signal.SIGSTOP)
    try:
        def all_right():
            for i, p in enumerate(peers):
                p.send(request(payload=str(i), srcid=str(i)))
            replies = [p.read() for p in peers]
            assert all(correct(r, str(i)) for i, r in enumerate(replies)), replies
            return proxy.servers()["2"]["state"] in ("ejected", "probing")

        wait_until(all_right, "the ejection of a server that hangs", seconds=30)
        row = proxy.servers()["2"]
        assert "no reply within " in row["reason"] and row["retried"] > 0, row
        proxy.wait_server("2", state="probing")
        all_right()
        assert proxy.servers()["2"]["state"] == "probing", "a probe passed at a server that hangs"
    finally:
        os.killpg(hung.pid, signal.SIGCONT)
    proxy.wait_server("2", state="up")
    for p in peers:
        p.close()
