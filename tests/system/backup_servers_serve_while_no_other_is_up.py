"""Requests go to a backup while every other server of its policy is drained, disabled, ejected or gone, and back as soon as one
of these is up; all backups share, and turns among the others are as strict as ever."""
from lib import signed
from lib.bench import Bench, Peer, ask, correct, ctl, ctl_run, reload, request, wait_until
from lib.pooled import Server

OPTIONS = ["--slow-start", "10s", "--eject-time", "300ms", "--check-interval", "100ms", "--narrate", "no"]

with Bench() as b:
    key = signed.Key()
    state = b.file("proxy.journal", "")
    import os
    os.unlink(state)
    proxy = b.proxy(workers=2, options=[*OPTIONS, "--state-file", state, "--keyring", signed.write(b, "keyring", key.stanza())])
    main = [b.server(id, "111", proxy, options=["--narrate", "no"]) for id in ("1", "2")]
    spare = b.server("8", "111", proxy, options=["--narrate", "no", "--backup"])
    other = Server(proxy, "9", also={"backup": "1"})
    proxy.wait_server("8", backup=True)
    proxy.wait_server("9", backup=True)
    proxy.wait_server("1", backup=False)
    # Whether they are well is known before anybody needs them.
    proxy.wait_server("8", state="up")
    proxy.wait_server("9", state="up")

    def who(n):
        got = [ask(proxy, payload=f"p{i}") for i in range(n)]
        assert all(correct(r, f"p{i}") for i, r in enumerate(got)), got
        return [r["srcid"] for r in got]

    turns = who(20)
    assert turns[:2] * 10 == turns and set(turns) == {"1", "2"}, turns
    rows = {r["id"]: r for r in ctl(proxy.socket, "explain", "111")}
    assert rows["8"]["choice"] == "no" and rows["8"]["why_not"] == "backup: another server of the policy is up", rows
    assert sorted(rows[id]["choice"] for id in "12") == ["next", "possible"], rows

    # One of two is no reason.
    ctl(proxy.socket, "drain", "1")
    assert set(who(6)) == {"2"}
    ctl(proxy.socket, "disable", "2")
    turns = who(20)
    assert set(turns) == {"8", "9"} and turns[:2] * 10 == turns, turns
    rows = {r["id"]: r for r in ctl(proxy.socket, "explain", "111")}
    assert sorted(rows[id]["choice"] for id in "89") == ["next", "possible"], rows
    ctl(proxy.socket, "enable", "1")
    assert set(who(6)) == {"1"}
    ctl(proxy.socket, "enable", "2")

    # It is known after a restart and an upgrade, from the journal.
    proxy.upgrade()
    assert all(proxy.servers()[id]["backup"] for id in "89") and set(who(6)) == {"1", "2"}

    # Servers that die cost nobody a request.
    for s in main:
        s.kill_group()
    assert set(who(20)) <= {"8", "9"}
    b.started = [d for d in b.started if d not in main]
    back = b.server("1", "111", proxy, port=main[0].port, options=["--narrate", "no"])
    proxy.wait_server("1", state="up")
    assert set(who(10)) == {"1"}, "it is back, and a slow start gives the backups nothing"
    back.stop()
    b.started.remove(back)
    ctl(proxy.socket, "remove", "2")
    assert set(who(6)) == {"8", "9"}

    # Whoever signs, signs that too.
    with signed.Announcer(proxy, key, id="77", policy="777", port=spare.port) as a:
        assert a.join(backup="1")["verb"] == "registered"
        assert proxy.servers()["77"]["backup"] is True
        lie = a.signed(backup="1")
        lie["backup"] = "0"
        assert a.say(lie)["code"] == "denied"

    # The server's key is taken over by a reload of it.
    conf = b.file("server.conf", "backup = no\n")
    late = b.server("5", "555", proxy, options=["--narrate", "no", "-c", conf])
    assert proxy.servers()["5"]["backup"] is False
    b.file("server.conf", "backup = yes\n")
    reload(late)
    proxy.wait_server("5", backup=True)
    assert correct(ask(proxy, policy="555"))
    other.stop()
