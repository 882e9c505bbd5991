"""Signed, unsigned and plain servers serve one policy when a reload requires signatures: unsigned ones are out at once, no client
notices, and an unsigned server that is given a key comes back."""
import threading
from lib import plain
from lib.bench import Bench, ask, correct, ctl, wait_until
from lib.signed import Key, write

key = Key("alpha")

with Bench() as b:
    common = f'keyring = "{write(b, "ring", key.stanza())}"\n'
    path = b.file("proxy.conf", common)
    proxy = b.proxy(options=["-c", path])
    key_file = write(b, "key", f"secret {key.secret.hex()}\n")
    b.server("1", "111", proxy, options=["--key-file", key_file, "--key-id", "alpha"])
    later = b.file("server.conf", "")
    unsigned = b.server("2", "111", proxy, options=["-c", later, "--lease", "1s"])
    old = plain.Server(proxy.port, id="3")
    proxy.wait_server("3")
    wrong, stop = [], threading.Event()

    def keep_asking():
        while not stop.wait(0.01):
            got = ask(proxy)
            if not correct(got):
                wrong.append(got)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        ctl(proxy.socket, "reload")
        assert set(proxy.servers()) == {"1", "2", "3"}
        b.file("proxy.conf", common + "require_signature = yes\n")
        ctl(proxy.socket, "reload")
        for id in ("2", "3"):
            proxy.wait_server(id, present=False)
            proxy.wait_for(f"server taken out.*id={id} why=.it is not signed")
        removed = [e for e in ctl(proxy.socket, "events") if e["event"] == "removed"]
        assert [(e["id"], e["policy"]) for e in removed] == [("2", "111"), ("3", "111")], removed
        assert all("require_signature" in e["why"] for e in removed), removed
        wait_until(lambda: "refused: denied" in ctl(unsigned.socket, "status")["registration_trouble"], "a refusal: it does not come back so")
        b.file("server.conf", f'key_file = "{key_file}"\nkey_id = alpha\n')
        ctl(unsigned.socket, "reload")
        proxy.wait_server("2", key="alpha")
    finally:
        stop.set()
        asking.join()
    assert not wrong, wrong[:3]
    assert set(proxy.servers()) == {"1", "2"}
    old.stop()
