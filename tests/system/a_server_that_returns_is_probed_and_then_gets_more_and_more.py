from lib import plain
from lib.bench import Bench, ask, correct, wait_until

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--eject-time", "200ms", "--check-interval", "100ms", "--check-rise", "3",
                                        "--slow-start", "10m"])
    b.server("1", "111", proxy)
    bad = plain.Server(proxy.port, id="2", behave=plain.hang_up)
    proxy.wait_server("2")

    def until_ejected():
        assert correct(ask(proxy))
        return proxy.servers()["2"]["state"] in ("ejected", "probing")

    wait_until(until_ejected, "the ejection of a server that hangs up")
    assert proxy.servers()["2"]["reason"] == "the server closed the connection", proxy.servers()["2"]
    proxy.wait_server("2", state="probing")  # it is probed, and fails
    count = len(bad.requests)
    for _ in range(50):
        assert correct(ask(proxy))
    assert all(plain.is_probe(r) for r in bad.requests[count:]), "it had live traffic while it was out"
    count = len(bad.requests)
    bad.behave = None
    wait_until(lambda: proxy.servers()["2"]["state"] == "slow-start", "its return")
    probes = sum(map(plain.is_probe, bad.requests[count:]))
    assert probes >= 2, "it returned without having passed so many probes"  # one may have been on its way
    proxy.wait_for('msg="server returned" id=2 policy=111 state=slow-start')
    count = len(bad.requests)
    for i in range(400):
        assert correct(ask(proxy, srcid=str(i)))
    got = len(bad.requests) - count
    assert 1 <= got <= 80, f"{got} of 400 at the very begin of a slow start: half would be its whole share"
    bad.stop()
