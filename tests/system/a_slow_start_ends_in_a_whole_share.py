from lib import plain
from lib.bench import Bench, ask, correct, wait_until

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--eject-time", "50ms", "--eject-after", "1", "--check-interval", "50ms", "--slow-start", "300ms"])
    b.server("1", "111", proxy)
    bad = plain.Server(proxy.port, id="2", behave=plain.hang_up)
    proxy.wait_server("2")
    wait_until(lambda: correct(ask(proxy)) and proxy.servers()["2"]["state"] != "new", "the ejection")
    bad.behave = None
    proxy.wait_server("2", state="up")
    count = len(bad.requests)
    assert all(correct(ask(proxy)) for _ in range(40))
    assert len(bad.requests) - count == 20, "turns are not strict any more"
    bad.stop()
