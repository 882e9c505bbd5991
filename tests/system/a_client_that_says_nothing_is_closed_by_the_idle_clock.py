"""The log names the clock; nothing is sent, for the next request would take it for its answer.  A client that asks now and then stays, and
others are served meanwhile."""
from lib import pooled
from lib.bench import Bench, Peer, correct, ctl, request, still_serves, wait_until

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--idle-timeout", "500ms", "--log-level", "debug", "--narrate", "no"])
    server = pooled.Server(proxy)
    with Peer(proxy) as p, Peer(proxy) as talks:
        assert correct(p.ask(request()))
        while "idle_timeout is 500ms" not in proxy.output:
            assert correct(talks.ask(request("talks")), "talks")
            still_serves(proxy)
        assert p.closed()
        assert correct(talks.ask(request("talks")), "talks")
    wait_until(lambda: ctl(proxy.socket, "status")["timeouts"]["client_idle"] >= 1, "it is counted")
    server.stop()
