import threading
from lib import plain, pooled
from lib.bench import SLOW, Bench, Peer, correct, request

never = threading.Event()


def take_time(server, request):
    never.wait(0.12)
    return plain.reply(server.id, request)


with Bench() as b:
    proxy = b.proxy(workers=1, options=["--reply-timeout", f"{500 * SLOW}ms", "--server-connections", "1", "--eject-after", "1"])
    slow = pooled.Server(proxy, id="1", answer=take_time)
    b.server("2", "other", proxy)
    proxy.wait_server("1")
    with Peer(proxy, seconds=60) as p:
        for i in range(8 * SLOW):
            p.send(request(payload=str(i)))
        replies = [p.read() for _ in range(8 * SLOW)]
    assert all(correct(r, str(i)) for i, r in enumerate(replies)), replies
    assert len(slow.requests) == 8 * SLOW, "some were sent more than once"
    row = proxy.servers()["1"]
    assert row["state"] == "up" and row["failed"] == 0, row
    slow.stop()
