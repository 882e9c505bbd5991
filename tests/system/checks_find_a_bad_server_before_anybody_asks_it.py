from lib import plain
from lib.bench import Bench, ask, correct, ctl, sha1, wait_until

with Bench() as b:
    proxy = b.proxy(options=["--health-check", "off,111=request", "--check-interval", "50ms", "--eject-time", "1h", "--eject-max", "1h"])
    b.server("1", "111", proxy)
    proxy.wait_server("1", state="up")  # nobody has asked it for anything
    bad = plain.Server(proxy.port, id="2", behave=plain.answer_with(payload=sha1("another")))
    unchecked = plain.Server(proxy.port, id="3", policy="222", behave=plain.hang_up)
    wait_until(lambda: len(bad.requests) >= 3, "three checks")
    assert all(plain.is_probe(r) for r in bad.requests)
    row = proxy.servers()["2"]
    assert row["reason"] == "the reply is not the payload's digest" and row["state"] == "suspect", row
    bad.behave = None
    proxy.wait_server("2", state="up")
    bad.behave = plain.cut
    proxy.wait_server("2", state="ejected")
    assert proxy.servers()["2"]["reason"] == "the reply was cut"
    assert all(correct(ask(proxy)) for _ in range(10))
    assert unchecked.requests == [] and proxy.servers()["3"]["state"] == "new"
    kinds = [e["event"] for e in ctl(proxy.socket, "events") if e["id"] == "2"]
    assert kinds == ["joined", "ejected"], kinds
    bad.stop()
    unchecked.stop()
