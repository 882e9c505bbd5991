"""One registration for each proxy of a list: told by status and metrics, drained, upgraded and left one by one."""
from urllib.request import urlopen
from lib.bench import Bench, Peer, ask, client, correct, ctl, ctl_run, free_port, reload, wait_until

with Bench() as b:
    one, two = b.proxy(), b.proxy()
    admin = free_port()
    server = b.server("1", "111", f"{one.port},127.0.0.1:{two.port}", options=["--admin", f"127.0.0.1:{admin}"])
    for proxy in (one, two):
        proxy.wait_server("1")
        assert correct(ask(proxy.port))

    def joined(n=2):
        return [p for p in ctl(server.socket, "status")["proxies"] if p["registration"] == "joined"] if n is None else \
            wait_until(lambda: len(joined(None)) == n and joined(None), f"{n} joined")

    rows = joined()
    assert [r["proxy"] for r in rows] == [str(one.port), f"127.0.0.1:{two.port}"] and all(r["trouble"] == "" and r["key"] == "" for r in rows), rows
    status = ctl(server.socket, "status")
    assert status["registration"] == "joined" and status["registration_trouble"] == "", status
    assert status["proxy"] == f"{one.port},127.0.0.1:{two.port}", status
    table = ctl_run("-s", server.socket, "status")[1]
    assert "PROXY" in table and table.count("joined") == 3 and f"127.0.0.1:{two.port}" in table, table
    page = urlopen(f"http://127.0.0.1:{admin}/metrics").read().decode()
    for proxy in (one.port, f"127.0.0.1:{two.port}"):
        assert f'policypool_proxy_joined{{proxy="{proxy}"}} 1' in page, page

    # An order is for the proxy that it is given to.
    assert ctl_run("-s", one.socket, "drain", "1")[0] == 0
    assert not correct(ask(one.port)) and correct(ask(two.port))
    assert client(f"{one.port},{two.port}", "--policy", "111", "--payload", "x")[0] == 1, "an answer is an answer, and no break"
    assert ctl_run("-s", one.socket, "enable", "1")[0] == 0
    assert correct(ask(one.port))

    server.upgrade()
    for proxy in (one, two):
        proxy.wait_server("1")
        assert correct(ask(proxy.port))
    joined()
    reload(server)
    joined()
    assert one.output.count("server left") == two.output.count("server left"), "none was left meanwhile"

    with Peer(one.port) as busy:
        assert correct(busy.ask(b'{"type":"0","srcid":"1","privPoliId":"111","payload":"hello"}'))
        assert server.stop() == 0
    for proxy in (one, two):
        proxy.wait_server("1", present=False)
