"""Exactly, over all workers; round robin does not look at them; ctl tells which is in force."""
import collections
from lib.bench import Bench, Peer, ctl, request

with Bench() as b:
    sections = b.file("proxy.conf", 'policy "111" { balance = weighted }\npolicy "11" { balance = leastconn }\n')
    proxy = b.proxy(workers=3, options=["-c", sections, "--narrate", "no"])
    for id, policy, weight in (("1", "111", 1), ("2", "111", 2), ("5", "111", 5), ("r1", "222", 1), ("r5", "222", 5)):
        b.server(id, policy, proxy, options=["--weight", weight, "--narrate", "no"])
    peers = [Peer(proxy) for _ in range(6)]
    served = collections.Counter(peers[i % 6].ask(request())["srcid"] for i in range(80))
    assert served == {"1": 10, "2": 20, "5": 50}, served
    served = collections.Counter(peers[i % 6].ask(request(policy="222"))["srcid"] for i in range(80))
    assert served == {"r1": 40, "r5": 40}, served
    told = {p["policy"]: p["balance"] for p in ctl(proxy.socket, "policies")}
    assert told == {"111": "weighted", "222": "roundrobin"}, told
    for p in peers:
        p.close()
