from lib import plain
from lib.bench import Bench, ask

with Bench() as b:
    proxy = b.proxy()
    first = plain.Server(proxy.port, id="9")
    proxy.wait_server("9", addr=f"127.0.0.1:{first.port}")
    assert ask(proxy)["srcid"] == "9"
    second = plain.Server(proxy.port, id="9")
    proxy.wait_server("9", addr=f"127.0.0.1:{second.port}")
    before = len(first.requests)
    assert all(ask(proxy)["srcid"] == "9" for _ in range(5))
    assert len(first.requests) == before and len(second.requests) == 5
    assert len(proxy.servers()) == 1
    third = b.server("9", "222", proxy)
    proxy.wait_server("9", policy="222", kind="pooled")
    assert ask(proxy, policy="222")["srcid"] == "9"
    first.stop()
    second.stop()
