from lib import plain
from lib.bench import Bench, client_json, wait_until

with Bench() as b:
    proxy = b.proxy(workers=3)
    old = plain.Server(proxy.port, id="1")
    proxy.wait_server("1")
    status, got = client_json(proxy, "--policy", "111", "--count", 600, "--parallel", 32, "--vary", "--size", 40)
    assert status == 0 and got["correct"] == 600, got
    assert old.broken is None, old.broken
    assert len(old.requests) == 600, len(old.requests)
    assert old.most_open <= 1, f"{old.most_open} connections at once"
    assert all(not r.endswith(b"\n") for r in old.requests), "a newline after the object"
    wait_until(lambda: proxy.servers()["1"]["connections"] == 0, "no connection kept")
    old.stop()
