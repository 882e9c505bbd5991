"""Whoever writes to etcd: records without a mac, changed ones and nonsense are not believed where signatures are required, and those
of our servers are put again."""
from lib import signed
from lib.bench import Bench, ask, correct, ctl, wait_until
from lib.etcd import Etcd, store_of, wait_store
from lib.pooled import Server

with Bench() as b:
    e = Etcd(b)
    key = signed.Key("alpha")
    ring = signed.write(b, "ring", key.stanza("policies 111"))
    secret = signed.write(b, "secret", f"secret {key.secret.hex()}\n")
    one, two = (e.proxy(f"p{i}", "--keyring", ring, "--require-signature") for i in (1, 2))
    server = b.server("100", "111", one, workers=1, options=["--key-file", secret, "--key-id", "alpha"])
    two.wait_server(100, known="store", by="p1")
    assert correct(ask(two.port))
    row = e.rows()["servers/100"]
    assert row["keyid"] == "alpha" and len(row["mac"]) == 64

    bad = Server(None, "666", "111")
    there = {"v": 1, "id": "666", "policy": "111", "addr": f"127.0.0.1:{bad.port}", "pooled": True, "slots": 8, "by": "p1"}
    forged = {"666": there,
              "667": {**there, "id": "667", "keyid": "alpha", "epoch": 1},
              "668": {**row, "id": "668", "addr": there["addr"]},
              "669": {**there, "id": "669", "keyid": "alpha", "epoch": 9 << 40, "mac": row["mac"]},
              "670": {**row, "policy": "222", "id": "670"},
              "671": "no JSON at all"}
    for id, value in forged.items():
        e.put(f"servers/{id}", value)
    wait_until(lambda: store_of(two)["refused"] == len(forged), "they are seen")
    assert set(two.servers()) == {"100"}, two.servers()

    # In the place of one of ours: it is put again.
    for value in ({**row, "addr": there["addr"]}, {**row, "weight": 1000}, "x", {"v": 1, "gone": "left", "id": "100", "policy": "111", "by": "p1"}):
        e.put("servers/100", value)
        wait_until(lambda: e.rows().get("servers/100") == row, "ours is there again")
        assert two.servers()["100"]["addr"] == f"127.0.0.1:{server.port}"
    e.delete("servers/100")
    wait_until(lambda: e.rows().get("servers/100") == row, "ours is there again")
    two.wait_server(100, known="store")
    for _ in range(20):
        assert correct(ask(two.port))
    assert bad.requests == [] and bad.probes == [] and store_of(one)["disputes"] >= 4
