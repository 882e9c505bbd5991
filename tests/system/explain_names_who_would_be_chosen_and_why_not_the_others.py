from lib.bench import Bench, Peer, ask, correct, ctl, ctl_run, free_port, request, wait_until
from lib.plain import Server

with Bench() as b:
    sections = b.file("proxy.conf", 'policy "222" { balance = hash }\n')
    proxy = b.proxy(workers=1, options=["-c", sections, "--narrate", "no", "--stop-timeout", "500ms"])
    for id in ("1", "2", "3"):
        b.server(id, "111", proxy, options=["--narrate", "no"])

    def why(policy="111", *key):
        return {r["id"]: r for r in ctl(proxy.socket, "explain", policy, *key)}

    # It names the one that the next request goes to, and asking takes no turn.
    for _ in range(5):
        rows = why()
        assert rows == why(), "asking has changed something"
        chosen = [id for id, r in rows.items() if r["choice"] == "next"]
        assert len(chosen) == 1 and sorted(r["choice"] for r in rows.values()) == ["next", "possible", "possible"], rows
        assert all("turn" in r["why_not"] for r in rows.values() if r["choice"] == "possible"), rows
        assert ask(proxy)["srcid"] == chosen[0], rows
    ctl(proxy.socket, "drain", "1")
    ctl(proxy.socket, "disable", "2")
    rows = why()
    assert rows["1"]["choice"] == "no" and "draining" in rows["1"]["why_not"], rows
    assert rows["2"]["choice"] == "no" and "disabled" in rows["2"]["why_not"], rows
    assert rows["3"]["choice"] == "next" and rows["3"]["why_not"] is None, rows

    # By a key: the same one for the same key.
    for id in ("4", "5"):
        b.server(id, "222", proxy, options=["--narrate", "no"])
    for key in ("a", "b", "c", "d"):
        chosen = [id for id, r in why("222", key).items() if r["choice"] == "next"]
        assert [ask(proxy, policy="222", srcid=key)["srcid"]] == chosen, key
    assert "key" in {r["choice"]: r["why_not"] for r in why("222", "a").values()}["possible"]

    # A plain server that has its one connection.
    def hold(server, connection, message):
        connection.recv(1)
    plain = Server(proxy.port, id="6", policy="333", behave=hold)
    proxy.wait_server("6")
    with Peer(proxy) as p:
        p.send(request(policy="333"))
        wait_until(lambda: proxy.servers()["6"]["in_flight"] == 1, "the request in flight")
        row = why("333")["6"]
        # Asked on a busy machine, the reply is late too, and that is said first.
        reasons = ("connection that it takes is held", "owes a reply for longer than it usually takes")
        assert row["choice"] == "no" and any(r in row["why_not"] for r in reasons) and row["in_flight"] == 1, row

    # One that nobody is at.
    with Peer(proxy) as p:
        p.ask(b'{"type":"1","id":"7","privPolyId":"444","listenport":"%d","ack":"1"}' % free_port())
        p.send(request(policy="444"))
        wait_until(lambda: why("444")["7"]["choice"] == "no", "the pause after a refusal")

    # One that failed too often.
    lying = Server(proxy.port, id="8", policy="111", behave=lambda server, connection, message: connection.sendall(b"{}"))
    proxy.wait_server("8")
    wait_until(lambda: ask(proxy) and proxy.servers()["8"]["state"] == "ejected", "its ejection")
    row = why()["8"]
    assert row["choice"] == "no" and row["why_not"].startswith("ejected: ") and "probe" in row["why_not"], row

    status, _, err = ctl_run("-s", proxy.socket, "explain", "nobody's")
    assert status == 1 and "no server ever registered for policy nobody's" in err, (status, err)
    status, _, err = ctl_run("-s", proxy.socket, "explain")
    assert status == 1 and "a policy is needed" in err, (status, err)
    status, _, err = ctl_run("-s", proxy.socket, "explain", "x" * 65)
    assert status == 1 and "64 bytes" in err, (status, err)
    status, out, _ = ctl_run("-s", proxy.socket, "explain", "111")
    assert status == 0 and "CHOICE" in out and "WHY_NOT" in out, out
    # More servers than one message of a worker holds.
    with Peer(proxy) as p:
        for i in range(300):
            p.ask(b'{"type":"1","id":"m%d","privPolyId":"many","listenport":"%d","ack":"1"}' % (i, 20000 + i))
    assert len(why("many")) == 300
    assert correct(ask(proxy))
    plain.stop()
    lying.stop()
