"""Whatever stands in etcd: garbage, what is too long, of a newer version or of an unknown kind is counted and named, and nothing is
learned from it; where it stands in the place of a server, that is put again."""
from lib.bench import Bench, ask, correct, wait_until
from lib.etcd import Etcd, store_of, wait_store
from lib.pooled import Server

with Bench() as b:
    e = Etcd(b)
    one, two = e.proxy("p1"), e.proxy("p2")
    server = b.server("100", "111", one, workers=1)
    two.wait_server(100, known="store", by="p1")
    row = e.rows()["servers/100"]

    bad = Server(None, "600", "111")
    there = {**row, "addr": f"127.0.0.1:{bad.port}"}
    rows = {
        "servers/600": ("no JSON at all", "600: it is no JSON object"),
        "servers/601": ("\0\x01\x7f", "601: it is no JSON object"),
        "servers/602": ([there], "602: it is no JSON object"),
        "servers/603": ({**there, "id": "603", "v": row["v"] + 1}, f"603: it is of version {row['v'] + 1}; version {row['v']} is known here"),
        "servers/604": ({**there, "id": "604", "note": "x" * 3000}, "604: it is too long"),
        "servers/605": ({**there, "id": "605", "note": "x" * 20000}, "605: it is too long"),
        "servers/606": ({**there, "id": "606", "note": "x" * 1000000}, "606: it is too long"),
        "servers/607": ({**there, "id": "607", "slots": "8"}, "607: slots is no number"),
        "servers/608": (there, "608: it is of another id than its key"),
        "letters/609": (there, "letters/609: it is of a kind that is not known here"),
        "servers/%zz": (there, "servers/%zz: it is of a kind that is not known here"),
    }
    for n, (key, (value, why)) in enumerate(rows.items()):
        e.put(key, value)
        wait_until(lambda: store_of(two)["refused"] == n + 1, f"{key} is counted")
        assert why in store_of(two)["last_refused"], (key, store_of(two))
    e.put("servers/" + "6" * 600, there)
    wait_until(lambda: store_of(two)["refused"] == len(rows) + 1, "the long key is counted")
    two.said('msg="a row of the store is ignored: its key is too long"')

    # Who reads all of that at once understands no more of it.
    three = e.proxy("p3")
    wait_store(three, state="synced", refused=len(rows) + 1)
    three.wait_server(100, known="store", by="p1")
    for proxy in (one, two, three):
        assert set(proxy.servers()) == {"100"}, proxy.servers()
        wait_store(proxy, state="synced", errors=0)

    for value in ("no JSON at all", {**row, "v": row["v"] + 1}, {**row, "note": "x" * 3000}, {**row, "note": "x" * 20000}):
        e.put("servers/100", value)
        wait_until(lambda: e.rows().get("servers/100") == row, "ours is there again")
        for proxy in (two, three):
            proxy.wait_server(100, addr=f"127.0.0.1:{server.port}", known="store")
            assert correct(ask(proxy.port))
    assert bad.requests == [] and bad.probes == []
