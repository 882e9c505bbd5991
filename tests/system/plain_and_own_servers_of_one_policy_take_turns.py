from lib import plain
from lib.bench import Bench, ask, correct

with Bench() as b:
    proxy = b.proxy()
    b.server("1", "111", proxy)
    old = plain.Server(proxy.port, id="2")
    proxy.wait_server("2", kind="plain")
    replies = [ask(proxy) for _ in range(10)]
    assert all(map(correct, replies))
    assert [r["srcid"] for r in replies] == ["1", "2"] * 5
    old.stop()
