"""Its only server could not be reached, and later is there and busy: a request that waits in vain then is told that, not what was wrong before."""
import threading
from lib import dead, pooled
from lib.bench import Bench, Peer, ask, correct, request

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--narrate", "no", "--queue-timeout", "300ms"])
    gone = dead.Dead("refusing", "1")
    gone.announce(proxy.port)
    proxy.wait_server("1")
    got = ask(proxy)
    assert got["code"] == "upstream-failed" and "refused" in got["message"], got
    gate = threading.Event()
    busy = pooled.Server(proxy, id="1", pipeline=1, slots=1, gate=gate)
    with Peer(proxy, seconds=30) as p:
        p.send(request())
        proxy.wait_server("1", in_flight=1)
        got = ask(proxy)
        assert got["code"] == "overloaded" and "busy" in got["message"] and "refused" not in got["message"], got
        gate.set()
        assert correct(p.read())
    gone.close()
    busy.stop()
