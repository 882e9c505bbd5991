"""A request that the proxy takes and the server does not, by their max_message: the client is told too-large, whether the server
computes a digest or has a handler, it costs no other request anything, and the server is not doubted."""
from lib import handlers
from lib.bench import Bench, ask, correct, ctl

with Bench() as b:
    proxy = b.proxy(options=["--max-message", "2M", "--narrate", "no"])
    b.server("100", "111", proxy)
    handlers.server(b, handlers.UPPER, proxy, id="200", policy="222")
    for _ in range(5):
        for policy in "111", "222":
            reply = ask(proxy, policy=policy, payload="x" * 1_100_000, srcid="c1")
            assert (reply["type"], reply["code"], reply["destid"]) == ("3", "too-large", "c1"), reply
        assert correct(ask(proxy))
        assert ask(proxy, policy="222")["payload"] == "HELLO"
    servers = proxy.servers()
    assert all(s["failed"] == 0 and s["state"] == "up" for s in servers.values()), servers
