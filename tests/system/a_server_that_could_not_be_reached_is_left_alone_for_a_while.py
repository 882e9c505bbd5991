"""One of two is gone without a word: a request that tries it goes to the other, whatever further tries are allowed, and is counted; for a moment nobody tries it again."""
import time
from lib import plain
from lib.bench import Bench, ask, correct

PAUSE = 0.04  # seconds, less than the shortest

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--eject-after", "0", "--retries", "0"])
    gone = plain.Server(proxy.port, id="1")
    b.server("2", "111", proxy)
    proxy.wait_server("1")
    assert all(correct(ask(proxy)) for _ in range(4))
    proxy.wait_server("1", state="up")
    gone.stop()
    begin = time.monotonic()
    assert all(correct(ask(proxy)) for _ in range(100))
    took, retried = time.monotonic() - begin, proxy.servers()["1"]["retried"]
    assert 1 <= retried <= 2 + took / PAUSE, (retried, took)
