"""The later of two proxies with one id says so in log, status and event, publishes nothing, serves what it knows, and has its own
once the other has gone."""
from lib.bench import Bench, ask, correct, ctl, wait_until
from lib.etcd import Etcd, store_of, wait_store

with Bench() as b:
    e = Etcd(b)
    first = e.proxy("p1")
    b.server("100", "111", first, workers=1)
    wait_until(lambda: "servers/100" in e.rows(), "it is told")
    second = e.proxy("p1")
    second.said('msg="another proxy has this one\'s id: it is not told of its servers"')
    wait_store(second, state="clash")
    assert store_of(second)["rival"] == f"127.0.0.1:{first.port}", store_of(second)
    assert any("give each its own" in (x["why"] or "") for x in ctl(second.socket, "events"))
    b.server("200", "222", second, workers=1)
    assert correct(ask(second.port, policy="222")) and correct(ask(second.port, policy="111"))
    assert "servers/200" not in e.rows()
    first.stop()
    wait_store(second, state="synced")
    wait_until(lambda: "servers/200" in e.rows(), "it is told now")
