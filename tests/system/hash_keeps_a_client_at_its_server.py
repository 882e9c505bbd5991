"""By srcid, or by a key of the packet; a server that leaves gives away its own clients and no others; over all workers."""
from lib import pooled
from lib.bench import Bench, Peer, correct, request, wait_until

CLIENTS = [f"client-{i}" for i in range(60)]


def ask_all(peers, policy, **more):
    where = {}
    for client in CLIENTS:
        for p in peers:
            got = p.ask(request(srcid=client, policy=policy) if not more else request(srcid="same", policy=policy, user=client))
            assert correct(got), got
            where.setdefault(client, set()).add(got["srcid"])
    return where


def placed(peers, policy, **more):
    where = ask_all(peers, policy, **more)
    assert all(len(ids) == 1 for ids in where.values()), where
    return {client: ids.pop() for client, ids in where.items()}


with Bench() as b:
    sections = b.file("proxy.conf", 'balance = hash:user\npolicy "111" { balance = hash }\n')
    proxy = b.proxy(workers=2, options=["-c", sections, "--narrate", "no"])
    servers = [pooled.Server(proxy, f"{policy}-{i}", policy) for policy in ("111", "222") for i in range(4)]
    peers = [Peer(proxy) for _ in range(4)]
    # A first connection that is slow to open gives its request to another server: all are open after this.
    ask_all(peers, "111"), ask_all(peers, "222", user=True)
    by_id, by_user = placed(peers, "111"), placed(peers, "222", user=True)
    assert len(set(by_id.values())) == 4 and len(set(by_user.values())) == 4, (by_id, by_user)
    with Peer(proxy) as p:
        assert p.ask(b'{"type":"5","id":"111-2","privPolyId":"111","ack":"1"}')["verb"] == "deregistered"
    after = placed(peers, "111")
    assert {c for c in CLIENTS if after[c] != by_id[c]} == {c for c in CLIENTS if by_id[c] == "111-2"}, (by_id, after)
    for p in peers:
        p.close()
    for s in servers:
        s.stop()
