"""Connections end, and what they leave unanswered goes over others: each answer comes, once, and to its request.  (Not without resend: a
client that is kept waiting by the machine for 50 ms may ask just as its connection is closed.)"""
import threading
from lib.bench import PATIENCE, Bench, reload, sha1, wait_until
from lib.python_client import KINDS, Waiting

with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no"])
    b.server("1", "111", proxy, options=["--narrate", "no"])
    enough, asked, wrong = threading.Event(), {k: 0 for k in KINDS}, []

    def ask(kind):
        def requests():
            while not enough.is_set():
                yield "111", f"{kind}{asked[kind]}"
                asked[kind] += 1
        with Waiting(kind, proxy.port, timeout=60 * PATIENCE, resend=True) as client:
            for i, got in enumerate(client.outcomes(requests())):
                if isinstance(got, Exception) or got.text != sha1(f"{kind}{i}"):
                    wrong.append((kind, i, got))

    threads = [threading.Thread(target=ask, args=(k,)) for k in KINDS]
    for t in threads:
        t.start()

    def more():
        before = dict(asked)
        wait_until(lambda: all(asked[k] > before[k] + 300 for k in KINDS), "load")

    more()
    for _ in range(3):
        reload(proxy)
        more()
    proxy.upgrade()
    more()
    enough.set()
    for t in threads:
        t.join(60 * PATIENCE)
    assert not wrong, wrong[:5]
    print(asked)
