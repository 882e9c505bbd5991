from lib import plain
from lib.bench import Bench, client_json, wait_until

with Bench() as b:
    proxy = b.proxy(workers=3, options=["--health-check", "request", "--check-interval", "50ms", "--narrate", "no"])
    old = plain.Server(proxy.port, id="1")
    proxy.wait_server("1", state="up")
    status, got = client_json(proxy, "--policy", "111", "--count", "2000", "--parallel", "2", "--vary", "--size", "20")
    assert status == 0 and got["correct"] == 2000, got
    wait_until(lambda: sum(map(plain.is_probe, old.requests)) > 3, "it is checked")
    assert old.most_open == 1 and old.broken is None, (old.most_open, old.broken)
    assert all(not r.endswith(b"\n") for r in old.requests if plain.is_probe(r)), "a plain server gets no newline"
    old.stop()
