from lib import plain
from lib.bench import Bench, client_json

with Bench() as b:
    proxy = b.proxy(workers=2)
    both = [plain.Server(proxy.port, id=i) for i in ("1", "2")]
    proxy.wait_server("2")
    status, got = client_json(proxy, "--policy", "111", "--count", 400, "--parallel", 16, "--size", 30)
    assert status == 0 and got["correct"] == 400, got
    assert all(len(s.requests) > 100 for s in both), [len(s.requests) for s in both]
    assert all(s.broken is None and s.most_open <= 1 for s in both)
    for s in both:
        s.stop()
