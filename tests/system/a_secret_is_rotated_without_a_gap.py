import signal
import threading
from lib.bench import Bench, ask, correct, ctl, still_serves, wait_until
from lib.signed import Key, write

old, new = Key("alpha"), Key("alpha")


def ring(**states):
    lines = [f"secret {state} {key.secret.hex()}" for key, state in ((old, states.get("old")), (new, states.get("new"))) if state]
    return "\n\t".join(["key alpha", *lines]) + "\n"


def reload(daemon):
    before = ctl(daemon.socket, "status")["generation"]
    daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: ctl(daemon.socket, "status")["generation"] > before, "the next generation")


with Bench() as b:
    path = write(b, "ring", ring(old="use"))
    key_file = write(b, "key", f"secret {old.secret.hex()}\n")
    proxy = b.proxy(options=["--keyring", path, "--require-signature"])
    server = b.server("100", "111", proxy, options=["--key-file", key_file, "--key-id", "alpha", "--lease", "2s"])
    wrong, stop = [], threading.Event()

    def keep_asking():
        while not stop.wait(0.02):
            got = ask(proxy)
            if not correct(got):
                wrong.append(got)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        write(b, "ring", ring(old="use", new="install"))
        reload(proxy)
        proxy.wait_server("100", key="alpha (old secret)")
        write(b, "key", f"secret {new.secret.hex()}\n")
        reload(server)
        proxy.wait_server("100", key="alpha")
        write(b, "ring", ring(old="install", new="use"))
        reload(proxy)
        proxy.wait_server("100", key="alpha")
        # Servers that still have the old one are marked.
        key_of_102 = write(b, "key102", f"secret {old.secret.hex()}\n")
        other = b.server("102", "222", proxy, options=["--key-file", key_of_102, "--key-id", "alpha", "--lease", "2s"])
        proxy.wait_server("102", key="alpha (old secret)")
        write(b, "key102", f"secret {new.secret.hex()}\n")
        reload(other)
        proxy.wait_server("102", key="alpha")
        write(b, "ring", ring(old="remove", new="use"))
        reload(proxy)
        # A server that has only the old one is out, and the log says why.
        late = b.server("101", "222", proxy, wait=False, options=["--key-id", "alpha", "--key-file",
                                                                  write(b, "late", f"secret {old.secret.hex()}\n")])
        late.wait_for("refused: denied")
        proxy.wait_for("registration refused.*key=alpha why=.it is signed with a secret that was removed")
        # With both in its file it finds the one that is taken.
        write(b, "late", f"secret {old.secret.hex()}\nsecret {new.secret.hex()}\n")
        reload(late)
        proxy.wait_server("101", key="alpha")
    finally:
        stop.set()
        asking.join()
    assert not wrong, wrong
    for event in ("server left", "lease ended", "taken out"):
        assert event not in proxy.output, (event, proxy.output)
    # A key that is gone takes its servers with it.
    write(b, "ring", Key("beta").stanza())
    reload(proxy)
    proxy.wait_server("100", present=False)
    proxy.wait_server("102", present=False)
    proxy.wait_for("server taken out.*id=100 key=alpha why=.its key is known no more")
