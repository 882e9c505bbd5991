"""Through etcd: a pooled server is served by proxies that it has never spoken to, leaves them all when it leaves one, and plain
servers stay where they are."""
import statistics
import time
from lib import plain
from lib.bench import SLOW, Bench, ask, correct, ctl, ctl_run, wait_until
from lib.etcd import Etcd, wait_store
from lib.pooled import Server

with Bench() as b:
    e = Etcd(b)
    one, two, three = (e.proxy(f"p{i}") for i in (1, 2, 3))
    for proxy in (one, two, three):
        wait_store(proxy, state="synced")
    assert [p["id"] for p in ctl(two.socket, "proxies")] == ["p1", "p2", "p3"]

    took = []
    for i in range(20):
        before = time.monotonic()
        Server(one, id=f"s{i}", policy=f"P{i}")
        wait_until(lambda: correct(ask(two.port, policy=f"P{i}")), "it is served")
        took.append(time.monotonic() - before)
    print(f"from joining one proxy to an answer by another: median {statistics.median(took) * 1000:.0f} ms, most {max(took) * 1000:.0f} ms")
    assert statistics.median(took) < 2 * SLOW

    server = b.server("100", "111", one, workers=1)
    for proxy in (two, three):
        proxy.wait_server(100, known="store", by="p1")
        assert correct(ask(proxy.port))
    assert one.servers()["100"]["known"] == "self" and one.servers()["100"]["by"] is None
    row = e.rows()["servers/100"]
    assert row["addr"] == f"127.0.0.1:{server.port}" and row["by"] == "p1" and "lease" not in row, row

    plain.Server(one.port, "7", "777")
    one.wait_server(7)
    status, out, err = ctl_run("-s", two.socket, "remove", "100")
    assert status != 0 and "remove it there" in err, err

    server.stop()
    for proxy in (two, three):
        proxy.wait_server(100, present=False)
        assert [x["event"] for x in ctl(proxy.socket, "events") if x["id"] == "100"] == ["learned", "left"]
        assert "7" not in proxy.servers()
    wait_until(lambda: "servers/100" not in e.rows(), "and is forgotten")
