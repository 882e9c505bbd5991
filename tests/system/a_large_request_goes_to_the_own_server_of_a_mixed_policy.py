from lib import plain
from lib.bench import Bench, ask, correct

with Bench() as b:
    proxy = b.proxy()
    old = plain.Server(proxy.port, id="1")
    b.server("2", "111", proxy)
    proxy.wait_server("1")
    big = "y" * 5000
    replies = [ask(proxy, payload=big) for _ in range(6)]
    assert all(correct(r, big) and r["srcid"] == "2" for r in replies)
    assert old.requests == []
    old.stop()
