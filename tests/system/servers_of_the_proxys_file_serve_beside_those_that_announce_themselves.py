"""Sections `server "ID"` of the proxy's file: there at the start and by a reload, beside announced servers, without a lease; they
drain and leave with their section, outlive restarts and upgrades, and keep an operator's orders."""
import os
import threading

from lib import pooled, signed
from lib.bench import Bench, Peer, ask, correct, ctl, ctl_run, reload, request, wait_until

with Bench() as b:
    gate = threading.Event()
    gate.set()
    one, two = pooled.Server(None, "db1"), pooled.Server(None, "db2", gate=gate)

    def conf(*sections):
        return b.file("proxy.conf", "check_interval = 100ms\nslow_start = 0\n" + "\n".join(sections))

    def section(id, port, *more, policy="111"):
        return f'server "{id}" {{ policy = "{policy}" host = "127.0.0.1:{port}" kind = pooled slots = 10 pipeline = 4 {" ".join(more)} }}'

    state = os.path.join(os.path.dirname(b.runtime), "proxy.journal")
    path = conf(section("db1", one.port, "weight = 3"))
    options = ["-c", path, "--state-file", state, "--narrate", "no"]
    proxy = b.proxy(options=options)
    proxy.wait_server("db1", state="up", source="static", kind="pooled", weight=3, slots=10, pipeline=4, lease_s=None, backup=False)
    proxy.said(f'msg="server joined" id=db1 policy=111 addr=127.0.0.1:{one.port} kind=pooled source=static')
    assert correct(ask(proxy)) and len(one.requests) == 1
    announced = b.server("100", "111", proxy, options=["--narrate", "no"])
    assert proxy.servers()["100"]["source"] == "announced"
    assert [ask(proxy)["srcid"] for _ in range(4)] in (["db1", "100"] * 2, ["100", "db1"] * 2)

    # An announcement changes nothing of it, nor takes it out.
    with Peer(proxy) as p:
        for type in ("1", "5"):
            got = p.ask(b'{"type":"%s","id":"db1","privPolyId":"111","listenport":"5","ack":"1"}' % type.encode())
            assert got["code"] == "denied" and got["message"] == "id db1 is configured in the proxy's file", got
    status, _, err = ctl_run("-s", proxy.socket, "remove", "db1")
    assert status != 0 and "db1 is configured in the proxy's file: take its section out and reload, or disable it" in err, err
    assert proxy.servers()["db1"]["addr"] == f"127.0.0.1:{one.port}"

    # Added and changed by a reload.
    conf(section("db1", one.port, "weight = 5"), section("db2", two.port))
    reload(proxy)
    proxy.wait_server("db1", weight=5)
    proxy.wait_server("db2", state="up")
    turns = [ask(proxy)["srcid"] for _ in range(12)]
    assert sorted(turns[:3]) == ["100", "db1", "db2"] and turns == turns[:3] * 4, turns

    # An operator's order is kept by a reload, an upgrade and a restart.
    ctl(proxy.socket, "drain", "db1")
    reload(proxy)
    assert proxy.servers()["db1"]["state"] == "draining"
    assert {ask(proxy)["srcid"] for _ in range(4)} == {"100", "db2"}
    proxy.upgrade()
    shown = proxy.servers()
    assert (shown["db1"]["state"], shown["db1"]["source"], shown["db2"]["source"]) == ("draining", "static", "static"), shown
    ctl(proxy.socket, "enable", "db1")
    assert {ask(proxy)["srcid"] for _ in range(6)} == {"100", "db1", "db2"}
    ctl(proxy.socket, "disable", "db1")

    # Taken out by a reload: what it has in hand it answers.
    gate.clear()
    held = [Peer(proxy).send(request(payload=f"h{i}")) for i in range(4)]
    wait_until(lambda: two.in_flight >= 1, "requests in hand")  # two, unless 100 joins again just now, after the upgrade
    conf(section("db1", one.port, "weight = 5"))
    status, out, err = ctl_run("-s", proxy.socket, "reload")
    assert status == 0, (out, err)
    proxy.wait_server("db2", present=False)
    assert {ask(proxy)["srcid"] for _ in range(4)} == {"100"}
    gate.set()
    assert {p.read()["srcid"] for p in held} == {"100", "db2"}
    for p in held:
        p.close()

    # From the file at a restart; what it has no more is gone, though the journal knows it.
    port = proxy.port
    conf(section("db2", two.port), section("db1", one.port, "weight = 5"))
    reload(proxy)
    proxy.wait_server("db2")
    wait_until(lambda: "db2" in open(state).read(), "the journal")
    assert proxy.stop() == 0
    b.started.remove(proxy)
    conf(section("db1", one.port, "weight = 7"))
    proxy = b.proxy(port=port, options=options)
    proxy.wait_server("db1", weight=7, state="disabled")
    assert "db2" not in proxy.servers()
    ctl(proxy.socket, "enable", "db1")
    os.unlink(state)
    proxy.wait_server("100")

    # What is required of those that announce themselves is not of these.
    key = signed.Key()
    conf(section("db1", one.port), "require_signature = yes", f'keyring = "{signed.write(b, "keyring", key.stanza())}"', "trusted_networks = {}")
    reload(proxy)
    proxy.wait_server("100", present=False)
    assert {ask(proxy)["srcid"] for _ in range(4)} == {"db1"}
    announced.stop()
    b.started.remove(announced)

    # Of a policy's servers all do the job that the file says.
    with signed.Announcer(proxy, key, id="9", policy="111") as a:
        assert a.join()["verb"] == "registered"
        conf(section("db1", one.port, "job = upper"), f'keyring = "{b.runtime}/../keyring"')
        reload(proxy)
        proxy.wait_server("9", present=False)
        assert proxy.servers()["db1"]["job"] == "upper"
    one.stop()
    two.stop()
