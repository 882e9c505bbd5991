"""Every request comes on a new connection, so workers take them as the kernel pleases."""
from lib.bench import Bench, ask, ctl

with Bench() as b:
    proxy = b.proxy(workers=4)
    for id in "123":
        b.server(id, "111", proxy, workers=1)
    got = "".join(ask(proxy)["srcid"] for _ in range(90))
    assert got == "123" * 30, got
    busy = [w for w in ctl(proxy.socket, "workers") if w["accepted"] > 0]
    assert len(busy) > 1, "one worker took everything: nothing was shown"
