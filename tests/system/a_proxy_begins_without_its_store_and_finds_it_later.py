"""No etcd, one that refuses, and something that is no etcd: said in log, status and metric after store_wait, and all else goes on."""
import socket
import threading
import urllib.request
from lib.bench import Bench, ask, correct, ctl, free_port, wait_until
from lib.store import Etcd, store_of, wait_store


def no_etcd():
    """Answers everything with what is no HTTP."""
    s = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            c, _ = s.accept()
            with c:
                c.recv(4096)
                c.sendall(b"220 mail.example ESMTP\r\n")
    threading.Thread(target=serve, daemon=True).start()
    return s.getsockname()[1]


with Bench() as b:
    nobody, admin = free_port(), free_port()
    for i, port in enumerate((nobody, no_etcd())):
        proxy = b.proxy(workers=1, options=["--id", f"q{i}", "--store", f"http://127.0.0.1:{port}", "--store-wait", "1s",
                                            *(["--admin", admin] if i == 0 else [])])
        proxy.said('msg="the store is not known yet: serving begins without it"')
        b.server(f"{i}", "111", proxy, workers=1)
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
