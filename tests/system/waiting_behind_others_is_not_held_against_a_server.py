from lib import plain
from lib.bench import SLOW, Bench, Peer, correct, request

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--reply-timeout", f"{500 * SLOW}ms", "--server-connections", "1", "--eject-after", "1"])
    slow = plain.Pooled(proxy.port, id="1", delay=0.12)
    b.server("2", "other", proxy)
    proxy.wait_server("1")
    with Peer(proxy, seconds=60) as p:
        for i in range(8 * SLOW):
            p.send(request(payload=str(i)))
        replies = [p.read() for _ in range(8 * SLOW)]
    assert all(correct(r, str(i)) for i, r in enumerate(replies)), replies
    assert slow.served == 8 * SLOW, "some were sent more than once"
    row = proxy.servers()["1"]
    assert row["state"] == "up" and row["failed"] == 0, row
    slow.stop()
