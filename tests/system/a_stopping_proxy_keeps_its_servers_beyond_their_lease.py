"""It takes no renewals any more, but its workers still need the servers for what they have."""
import signal
import threading
from lib import pooled
from lib.bench import Bench, Peer, correct, ctl, request, wait_until

with Bench() as b:
    proxy = b.proxy(options=["--stop-timeout", "120s", "--queue-timeout", "120s", "--reply-timeout", "120s", "--narrate", "no"])
    gate = threading.Event()
    server = pooled.Server(proxy, pipeline=1, slots=1, lease=2, gate=gate)
    with Peer(proxy, seconds=60) as p:
        p.send(request(srcid="1") + request(srcid="2"))
        wait_until(lambda: (s := ctl(proxy.socket, "status"))["queued"] == 1 and s["in_flight"] == 2, "one at the server, one that waits")
        proxy.send_signal(signal.SIGTERM)
        proxy.wait_for('msg="stopping"')
        wait_until(lambda: proxy.servers()["1"]["lease_s"] == 0, "the lease is over")
        over = ctl(proxy.socket, "status")["uptime_s"]
        wait_until(lambda: ctl(proxy.socket, "status")["uptime_s"] > over + 1.5, "it has been so for a while")
        gate.set()
        assert correct(p.read()) and correct(p.read()), "what waited goes to it all the same"
    assert proxy.wait(60) == 0
    assert "lease ended" not in proxy.output
    b.started.remove(proxy)
    server.stop()
