"""It takes no renewals any more, but its workers still need the servers for what they have."""
import signal
import time
from lib.bench import Bench, Peer, correct, request

with Bench() as b:
    proxy = b.proxy(options=["--stop-timeout", "8s", "--narrate", "no"])
    server = b.server("1", "111", proxy, options=["--lease", "1s", "--narrate", "no"])
    with Peer(proxy) as p:
        assert correct(p.ask(request()))
        proxy.send_signal(signal.SIGTERM)
        began = time.monotonic()
        while time.monotonic() - began < 3:
            assert correct(p.ask(request())), "its lease is over, it is not"
    assert proxy.wait(10) == 0
    assert "lease ended" not in proxy.output
    b.started.remove(proxy)
