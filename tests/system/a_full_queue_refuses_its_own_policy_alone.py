"""queue_length of one policy is reached: overloaded, with retryafter; queue_length of the worker: everybody's."""
import threading
from lib import pooled
from lib.bench import Bench, Peer, correct, ctl, request, still_serves, wait_until

with Bench() as b:
    gate = threading.Event()
    sections = b.file("proxy.conf", 'policy "111" { queue_length = 5 }\n')
    proxy = b.proxy(workers=1, options=["-c", sections, "--queue-length", "8", "--queue-timeout", "1m", "--narrate", "no"])
    slow = [pooled.Server(proxy, id, policy, pipeline=1, slots=1, gate=gate) for id, policy in (("1", "111"), ("2", "222"))]
    b.server("good", "good", proxy)

    def overfill(policy, waiting, total):
        with Peer(proxy) as p:
            for i in range(waiting + 1):
                held.append(Peer(proxy).send(request(policy=policy)))
            wait_until(lambda: ctl(proxy.socket, "status")["queued"] == total, f"{total} wait")
            return p.ask(request(policy=policy))

    held = []
    got = overfill("111", 5, 5)
    assert got["code"] == "overloaded" and "policy_queue_length" in got["message"] and got["retryafter"] >= 100, got
    still_serves(proxy, policy="good")
    got = overfill("222", 3, 8)
    assert got["code"] == "overloaded" and "queue_length" in got["message"] and "policy_" not in got["message"], got
    still_serves(proxy, policy="good")
    rows = {p["policy"]: p for p in ctl(proxy.socket, "policies")}
    assert rows["111"]["refused"] == 1 and rows["111"]["queued"] == 5 and rows["222"]["refused"] == 1, rows
    assert ctl(proxy.socket, "status")["refused"]["overloaded"] == 2
    gate.set()
    assert all(correct(p.read()) for p in held)
    for p in held:
        p.close()
    for s in slow:
        s.stop()
