"""There is room for one server.  It is removed while it has requests, another takes its place, and then those are answered: nothing is in
flight at the newcomer that it was not sent, it can be waited for, and is chosen by load as if nobody had been there before."""
import threading
from lib import pooled
from lib.bench import Bench, Peer, ask, correct, ctl, ctl_run, request, wait_until

with Bench() as b:
    proxy = b.proxy(workers=2, options=["--max-servers", "1", "--balance", "leastconn", "--narrate", "no"])
    gate = threading.Event()
    before = pooled.Server(proxy, "before", gate=gate)
    peers = [Peer(proxy, seconds=30).send(request(str(i))) for i in range(6)]
    wait_until(lambda: len(before.requests) == 6, "all are with the first")
    ctl(proxy.socket, "remove", "before")
    after = pooled.Server(proxy, "after")
    gate.set()
    assert all(correct(p.read(), str(i)) for i, p in enumerate(peers))
    wait_until(lambda: proxy.servers()["after"]["in_flight"] == 0, "nothing is in flight")
    status, out, err = ctl_run("-s", proxy.socket, "wait", "after", "5")
    assert status == 0, (out, err)
    assert [ask(proxy)["srcid"] for _ in range(4)] == ["after"] * 4
    for p in peers:
        p.close()
    wait_until(lambda: proxy.servers()["after"]["connections"] <= 8, "no connection but its own")
    for s in (before, after):
        s.stop()
