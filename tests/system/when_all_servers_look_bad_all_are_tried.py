from lib import plain
from lib.bench import Bench, ask, correct, wait_until

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--eject-time", "1h", "--eject-max", "1h", "--eject-share", "100", "--slow-start", "0"])
    bad = [plain.Server(proxy.port, id=str(i), behave=plain.hang_up) for i in (1, 2)]
    for s in bad:
        proxy.wait_server(s.id)

    def both_ejected():
        got = ask(proxy)
        assert got["code"] == "upstream-failed" and "closed the connection" in got["message"], got
        return all(s["state"] == "ejected" for s in proxy.servers().values())

    wait_until(both_ejected, "the ejection of both")
    proxy.wait_for('msg="every server of a policy looks bad: all are tried" policy=111')
    for _ in range(20):
        before = sum(len(s.requests) for s in bad)
        assert ask(proxy)["code"] == "upstream-failed"
        assert sum(len(s.requests) for s in bad) > before, "nobody was tried"
    assert proxy.said("looks bad") == 1, "it is said more than once"
    bad[1].behave = None
    assert correct(ask(proxy)), "it is well again, and was not tried"
    proxy.wait_server("2", state="up")
    proxy.wait_for('msg="a server of the policy is well again" policy=111')
    assert proxy.servers()["1"]["state"] == "ejected"
    assert all(correct(ask(proxy)) for _ in range(10))
    for s in bad:
        s.stop()
