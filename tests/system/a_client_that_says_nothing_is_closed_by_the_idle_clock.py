from lib import pooled
from lib.bench import Bench, Peer, correct, ctl, request, wait_until

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--idle-timeout", "300ms", "--narrate", "no"])
    server = pooled.Server(proxy)
    with Peer(proxy) as p:
        assert correct(p.ask(request()))
        assert p.closed()
    wait_until(lambda: ctl(proxy.socket, "status")["timeouts"]["client_idle"] == 1, "it is counted")
    server.stop()
