"""In turn, and also where each client has a server of its own: it does not go to that one again."""
from lib import plain
from lib.bench import Bench, ask, correct


def hang_up(server, c, r):
    server.hung_up = getattr(server, "hung_up", 0) + 1


with Bench() as b:
    proxy = b.proxy()
    bad = plain.Server(proxy.port, id="1", behave=hang_up)
    proxy.wait_server("1")
    b.server("2", "111", proxy)
    replies = [ask(proxy) for _ in range(10)]
    assert all(correct(r) and r["srcid"] == "2" for r in replies), replies
    assert bad.hung_up >= 1, "it was not asked: nothing was shown"
    bad.stop()

    proxy = b.proxy(options=["--balance", "hash", "--retries", "1", "--eject-after", "0"])
    bad = plain.Server(proxy.port, id="1", behave=hang_up)
    proxy.wait_server("1")
    b.server("2", "111", proxy)
    replies = [ask(proxy, srcid=str(i)) for i in range(20)]
    assert all(correct(r) and r["srcid"] == "2" for r in replies), replies
    assert bad.hung_up >= 2, "it was hardly asked: nothing was shown"
    bad.stop()
