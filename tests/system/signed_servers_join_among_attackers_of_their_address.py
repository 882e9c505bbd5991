"""Four connections send registrations with bad signatures as fast as they are answered.  A server with the key joins from the same
address all the same, and those that are registered stay, also when the proxy's workers are replaced and all connections are new."""
import json
import secrets
import threading
from lib.bench import Bench, ctl_run, wait_until, workers
from lib.signed import Announcer, Key, write

alpha = Key("alpha")


class Attacker(threading.Thread):
    def __init__(self, proxy, over):
        super().__init__(daemon=True)
        self.proxy, self.over, self.refused = proxy, over, 0

    def run(self):
        while not self.over.is_set():
            try:
                with Announcer(self.proxy, alpha, id="web-1") as peer:
                    while not self.over.is_set():
                        peer.ask(json.dumps(peer.packet()).encode())
                        got = peer.ask(json.dumps(peer.packet(salt=secrets.token_hex(16), mac=secrets.token_hex(32))).encode())
                        assert got["code"] in ("denied", "overloaded"), got
                        self.refused += 1
            except (OSError, TypeError):
                pass  # its worker has gone


with Bench() as b:
    proxy = b.proxy(options=["--keyring", write(b, "ring", alpha.stanza()), "--require-signature", "--narrate", "no"])
    key = ["--key-file", write(b, "key", f"secret {alpha.secret.hex()}\n"), "--key-id", "alpha", "--narrate", "no", "--lease", "2s"]
    over = threading.Event()
    attackers = [Attacker(proxy, over) for _ in range(4)]
    for a in attackers:
        a.start()
    try:
        wait_until(lambda: "causes many refusals" in proxy.output, "the limit is reached")
        for id in ("web-1", "web-2"):
            b.server(id, "111", proxy, options=key)
        former = set(workers(proxy))
        assert ctl_run("-s", proxy.socket, "reload")[0] == 0
        wait_until(lambda: len(now := workers(proxy)) == 2 and not former & set(now), "all workers are others", 60)
        b.server("web-3", "111", proxy, options=key)
        before = [a.refused for a in attackers]
        wait_until(lambda: all(a.refused > n + 20 for a, n in zip(attackers, before)), "they go on", 60)
    finally:
        over.set()
        for a in attackers:
            a.join()
    assert set(proxy.servers()) == {"web-1", "web-2", "web-3"}
    assert "lease ended" not in proxy.output
    assert proxy.output.count("the signature is wrong") < 2000, "they are not all told"
