from lib.bench import Bench, SLOW, client_json

with Bench() as b:
    quiet = ["--narrate", "no"]
    proxy = b.proxy(options=quiet)
    b.server("1", "111", proxy, options=quiet)
    b.server("2", "111", proxy, options=quiet)
    n = 100000 if SLOW == 1 else 20000
    status, got = client_json(proxy, "--policy", "111", "--count", n, "--parallel", 64, "--vary", "--size", 64, seconds=100)
    assert status == 0, got
    assert got["sent"] == got["correct"] == n and got["wrong"] == got["refused"] == got["failed"] == 0, got
    assert got["servers"] == {"1": n // 2, "2": n // 2}, got["servers"]
