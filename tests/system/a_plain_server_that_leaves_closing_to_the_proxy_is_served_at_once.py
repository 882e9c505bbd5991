from lib import plain
from lib.bench import Bench, ask, correct

with Bench() as b:
    proxy = b.proxy()
    old = plain.Server(proxy.port, id="1", closes=False)
    proxy.wait_server("1")
    assert all(correct(ask(proxy)) for _ in range(50))
    old.stop()
    assert old.broken is None, old.broken
