"""Nobody is at its address at first: that is told once, costs no request of others anything, and is over by itself; it is neither
forgotten nor displaced, and asks for no signature."""
from lib import plain
from lib.bench import Bench, ask, correct, ctl, free_port, request, wait_until

with Bench() as b:
    port = free_port()
    conf = b.file("proxy.conf", f'server "db1" {{ policy = "111" host = "127.0.0.1:{port}" }}\nserver "db2" {{ policy = "222" host = {free_port()} }}\n')
    proxy = b.proxy(options=["-c", conf, "--narrate", "no", "--check-interval", "100ms", "--eject-max", "200ms", "--forget-after", "500ms", "--max-servers", "3",
                             "--queue-timeout", "500ms"])
    wait_until(lambda: proxy.servers()["db1"]["reason"], "the first check")
    shown = proxy.servers()["db1"]
    assert (shown["state"], shown["source"], shown["served"]) == ("probing", "static", 0) and "refused" in shown["reason"], shown
    proxy.said(f'level=warn prog=ppool-proxy pid={proxy.pid} msg="server down" id=db1 addr=127.0.0.1:{port} why=')
    other = b.server("1", "111", proxy, options=["--narrate", "no"])
    assert [ask(proxy)["srcid"] for _ in range(10)] == ["1"] * 10
    got = ask(proxy, policy="222")
    assert got["type"] == "3" and got["code"] in ("upstream-failed", "timeout", "no-server"), got

    # Nor does it give way where there is no more room.
    late = plain.Server(proxy.port, id="2", policy="333", waits=True)
    assert late.answer.get("code") == "overloaded", late.answer
    wait_until(lambda: ctl(proxy.socket, "status")["uptime_s"] > 2, "longer than forget_after")
    assert sorted(proxy.servers()) == ["1", "db1", "db2"]
    assert proxy.said(f'msg="server down" id=db1 ') == 1, "it is told more than once"

    class Here(plain.Server):
        def announce(self, *_):
            return None

    here = Here(0, id="db1", port=port)
    proxy.wait_server("db1", state="up")
    assert {ask(proxy)["srcid"] for _ in range(10)} == {"1", "db1"} and here.most_open == 1
    proxy.said('msg="server up" id=db1')
    here.stop()
    late.stop()
