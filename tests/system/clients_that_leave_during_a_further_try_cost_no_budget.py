"""Three requests may be on a further try at once: three that their clients abandon by a reset give their places back, however they end."""
import socket
import struct
import threading
from lib import dead, pooled
from lib.bench import Bench, Peer, ask, correct, ctl, request, wait_until
from lib.quiet import quiet

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--narrate", "no", "--retry-budget", "0", "--eject-after", "0", "--queue-timeout", "5s"])
    for round, ends_well in enumerate((True, False)):
        first = pooled.Server(proxy, id=f"first{round}", policy=str(round), gate=threading.Event())
        peers = [Peer(proxy, seconds=60) for _ in range(3)]
        for p in peers:
            p.send(request(policy=str(round)))
        proxy.wait_server(first.id, in_flight=3)
        second = pooled.Server(proxy, id=f"second{round}", policy=str(round), gate=threading.Event())
        first.stop()
        proxy.wait_server(second.id, in_flight=3)
        assert ctl(proxy.socket, "status")["retrying"] == 3
        for p in peers:
            p.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            p.close()
        wait_until(lambda: ctl(proxy.socket, "status")["connections"] == 0, "the clients' leaving")
        if ends_well:
            second.gate.set()
        else:
            second.stop()
        quiet(proxy)
        if ends_well:
            assert correct(ask(proxy, policy=str(round)))
            second.stop()

    # Those that were never seen by a server are retries too, and are counted.
    gone = dead.Dead("refusing", "gone", "unseen")
    gone.announce(proxy.port)
    proxy.wait_server("gone")
    b.server("live", "unseen", proxy, options=["--narrate", "no"])
    for _ in range(4):
        assert correct(ask(proxy, policy="unseen"))
    row = proxy.servers()["gone"]
    assert row["retried"] >= 1 and row["failed"] == row["retried"], row
    gone.close()
