"""A client that goes on with payloads which end the handler, each another one, does not make its server decline what others ask: not
while these are answered now and then, and not once for a while nobody was."""
import hashlib
import threading
from lib import misbehaving
from lib.bench import Bench, ask

MODES = ("segfault", "large")


def ill(proxy, mode, stop, asked):
    while not stop.is_set() and len(asked) < 400:
        asked.append(ask(proxy, payload=f"sick:{mode}:{len(asked)}", srcid="ill")["type"])
        stop.wait(0.02)


def well(proxy, pause, stop, n):
    """The replies to one that asks now and then."""
    got = []
    for i in range(n):
        got.append((f"well {i}", ask(proxy, payload=f"well {i}", srcid="well")))
        stop.wait(pause)
    return got


with Bench() as b:
    proxy = b.proxy(options=misbehaving.PROXY)
    server = b.server("1", "111", proxy, options=misbehaving.settings(processes=4))
    misbehaving.processes(server)
    for mode in MODES:
        stop, asked = threading.Event(), []
        thread = threading.Thread(target=ill, args=(proxy, mode, stop, asked))
        thread.start()
        try:
            got = well(proxy, 0.25, stop, 16) + well(proxy, 2, stop, 3)
        finally:
            stop.set()
            thread.join()
        wrong = [r for text, r in got if r["type"] == "2" and r["payload"] != hashlib.sha256(text.encode()).hexdigest()]
        refused = [r for _, r in got if r["type"] != "2"]
        assert not wrong and len(refused) <= 2, (mode, len(got), refused, wrong)
        assert len(asked) > 20 and "2" not in asked, asked
