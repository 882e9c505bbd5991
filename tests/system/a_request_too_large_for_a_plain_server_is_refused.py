from lib import plain
from lib.bench import Bench, ask, correct

with Bench() as b:
    proxy = b.proxy()
    old = plain.Server(proxy.port, id="1", policy="PP_1")
    b.server("2", "PP_2", proxy)
    proxy.wait_server("1")
    assert correct(ask(proxy, policy="PP_1", payload="x" * 1900), "x" * 1900)
    big = "x" * 2048
    assert ask(proxy, policy="PP_1", payload=big)["code"] == "too-large"
    assert correct(ask(proxy, policy="PP_2", payload=big), big)
    assert correct(ask(proxy, policy="PP_1", payload="small"), "small"), "the plain server was hurt"
    assert old.broken is None
    huge = "x" * (1024 * 1024 - 200)
    assert correct(ask(proxy, policy="PP_2", payload=huge), huge)
    old.stop()
