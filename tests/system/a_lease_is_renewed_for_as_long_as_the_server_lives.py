import threading
from lib.bench import Bench, ask, correct

with Bench() as b:
    proxy = b.proxy()
    b.server("1", "111", proxy, options=["--lease", "1s"])
    for _ in range(6):
        threading.Event().wait(0.5)  # three leases: what is shown here is that time passes without effect
        assert "1" in proxy.servers() and correct(ask(proxy))
    assert "lease ended" not in proxy.output
