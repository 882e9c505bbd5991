from collections import Counter
from lib import plain
from lib.bench import Bench, ask, correct, ctl, wait_until

with Bench() as b:
    proxy = b.proxy(options=["--eject-time", "1h", "--eject-max", "1h", "--eject-share", "40", "--retries", "10"])
    b.server("good", "111", proxy)
    bad = [plain.Server(proxy.port, id=str(i), behave=plain.hang_up) for i in range(4)]
    for s in bad:
        proxy.wait_server(s.id)

    def look():
        assert correct(ask(proxy))
        rows = proxy.servers()
        states = Counter(s["state"] for s in rows.values())
        kept = [e for e in ctl(proxy.socket, "events") if e["event"] == "kept"]
        assert states["ejected"] <= 2, rows
        return states["ejected"] == 2 and len(kept) == 2 and rows

    rows = wait_until(look, "two ejected, two kept")
    assert rows["good"]["state"] == "up" and Counter(s["state"] for s in rows.values())["suspect"] == 2, rows
    assert all(s["reason"] == "the server closed the connection" for s in rows.values() if s["id"] != "good"), rows
    proxy.wait_for('msg="server stays in use though it fails" .*eject_share')
    row = next(p for p in ctl(proxy.socket, "policies"))
    assert row["servers"] == 5 and row["up"] == 1, row
    for s in bad:
        s.stop()
