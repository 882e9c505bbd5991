"""The queue is served one every 50 ms or so: a request behind too many is told at once when to come again, and a
client that has none waiting has its turn."""
import threading
import time
from lib import plain, pooled
from lib.bench import Bench, Peer, correct, ctl, request, wait_until

pause = threading.Event()


def slowly(server, r):
    pause.wait(0.05)
    return plain.reply(server.id, r)


with Bench() as b:
    proxy = b.proxy(workers=1, options=["--client-pipeline", "1000", "--queue-timeout", "2s", "--narrate", "no"])
    server = pooled.Server(proxy, "1", pipeline=1, slots=1, answer=slowly)
    with Peer(proxy, seconds=60) as many, Peer(proxy) as other:
        for i in range(20):
            many.send(request(str(i)))
        assert all(correct(many.read(), str(i)) for i in range(5)), "the pace is known now"
        for i in range(20, 200):
            many.send(request(str(i)))
        wait_until(lambda: ctl(proxy.socket, "policies")[0]["refused"] > 50, "it is refused what would wait too long")
        began = time.monotonic()
        assert correct(other.ask(request("other")), "other"), "another client is not refused"
        assert time.monotonic() - began < 2
        answers = [many.read() for _ in range(5, 200)]
    refused = [a for a in answers if a.get("code") == "overloaded"]
    at_once = [a for a in refused if "are ahead" in a["message"]]
    assert len(at_once) > 50 and all(a["retryafter"] >= 100 for a in at_once), refused[:3]
    # It is an estimate: the last that were let wait may miss it, where the machine has become slower meanwhile.
    late = ctl(proxy.socket, "status")["timeouts"]["queue"]
    assert late == len(refused) - len(at_once) and 4 * late <= len(at_once), (late, len(refused), len(at_once))
    server.stop()
