"""The others lose sight of none of its servers while a proxy is upgraded, reloaded and restarted; without a store, what was known
from it fades; with one again it is known again."""
from lib.bench import Bench, ask, correct, ctl, reload, wait_until
from lib.etcd import Etcd, store_of, wait_store


def events_of(proxy, id):
    return [x["event"] for x in ctl(proxy.socket, "events") if x["id"] == id]


with Bench() as b:
    e = Etcd(b)
    settings = b.file("p1.conf", f'id = "p1"\nstore = {{"{e.url}"}}\nstore_ttl = 2s\nworkers = 1\nstate_file = "{b.runtime}/p1.journal"\n')
    one, two = b.proxy(options=["--config", settings]), e.proxy("p2")
    b.server("100", "111", one, workers=1)
    b.server("200", "222", two, workers=1)
    two.wait_server(100, known="store", by="p1")
    one.wait_server(200, known="store", by="p2")

    one.upgrade()
    one.wait_server(200, known="store", by="p2")
    wait_store(one, state="synced", unsynced=0)
    # Longer than the former lease lives.
    revision = store_of(one)["revision"]
    wait_until(lambda: store_of(one)["audit_s"] is not None and e.rows()["proxies/p1"], "it is its own")
    former = e.call("lease/leases").get("leases", [])
    wait_until(lambda: len(e.call("lease/leases").get("leases", [])) == 2, "the former lease has ended")
    assert {"servers/100", "servers/200"} <= e.rows().keys()
    assert events_of(two, "100") == ["learned"], events_of(two, "100")

    reload(one)
    b.file("p1.conf", f'id = "p1"\nworkers = 1\nstate_file = "{b.runtime}/p1.journal"\n')
    reload(one)
    assert store_of(one)["state"] == "off" and one.servers()["200"]["known"] == "fading"
    two.wait_server(100, known="fading")
    assert correct(ask(one.port, policy="222")) and correct(ask(two.port))
    b.file("p1.conf", f'id = "p1"\nstore = {{"{e.url}"}}\nstore_ttl = 2s\nworkers = 1\nstate_file = "{b.runtime}/p1.journal"\n')
    reload(one)
    one.wait_server(200, known="store", by="p2")
    two.wait_server(100, known="store", by="p1")

    # From its journal, and then confirmed; the others see that it has gone.
    port = one.port
    one.stop()
    two.wait_server(100, known="fading")
    assert correct(ask(two.port))
    one = b.proxy(port=port, options=["--config", settings])
    assert one.servers()["200"]["known"] == "store", one.servers()
    assert correct(ask(one.port, policy="222"))
    two.wait_server(100, known="store", by="p1")
    assert "faded" not in events_of(two, "100") and "left" not in events_of(two, "100")
