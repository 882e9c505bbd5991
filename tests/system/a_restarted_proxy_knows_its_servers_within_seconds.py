import time
from lib.bench import SLOW, Bench, ask, correct

with Bench() as b:
    proxy = b.proxy()
    b.server("1", "111", proxy)
    b.server("2", "111", proxy)
    proxy.kill_group()
    b.started.remove(proxy)
    again = b.proxy(port=proxy.port)
    begin = time.monotonic()
    again.wait_server("1")
    again.wait_server("2")
    took = time.monotonic() - begin
    assert took < 4 * SLOW, took
    assert correct(ask(again))
