"""Where no etcd is: told after store_wait, and all else goes on; one that comes later is found, and told of all servers."""
import urllib.request
from lib.bench import Bench, ask, correct, ctl, free_port, wait_until
from lib.etcd import Etcd, store_of, wait_store

with Bench() as b:
    nobody, admin = free_port(), free_port()
    proxy = b.proxy(workers=1, options=["--id", "q0", "--store", f"http://127.0.0.1:{nobody}", "--store-wait", "1s", "--admin", admin])
    proxy.said('msg="the store is not known yet: serving begins without it"')
    b.server("0", "111", proxy, workers=1)
    assert correct(ask(proxy.port))
    wait_until(lambda: store_of(proxy)["last_error"] is not None, "why")
    assert store_of(proxy)["state"] == "connecting" and store_of(proxy)["published"] == 1, store_of(proxy)
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/metrics") as r:
        metrics = r.read().decode()
    assert "\npolicypool_store_synced 0\n" in metrics and '\npolicypool_store_servers{known="self"} 1\n' in metrics
    with urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz") as r:
        assert r.status == 200

    # It is found when it is there, and so are those who were not told of meanwhile.
    e = Etcd(b)
    proxy = b.proxy(workers=1, options=["--id", "q2", "--store", f"http://127.0.0.1:{nobody}", "--store", e.url])
    wait_store(proxy, state="synced")
    b.server("5", "111", proxy, workers=1)
    wait_until(lambda: "servers/5" in e.rows(), "it is told")
    e.kill()
    wait_store(proxy, state="unsynced")
    assert [x["why"] for x in ctl(proxy.socket, "events") if x["event"] == "store"][0] == "it is synced"
    b.server("6", "111", proxy, workers=1)
    e.start()
    wait_store(proxy, state="synced", unsynced=0)
    wait_until(lambda: {"servers/5", "servers/6"} <= e.rows().keys(), "both are told")

    none = b.proxy(workers=1)
    assert store_of(none)["state"] == "off" and ctl(none.socket, "proxies") == []
