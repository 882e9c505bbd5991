"""A server and a client of two proxies verify each by the host that the list has; a name for all is an option, and a wrong one is told."""
from lib.bench import Bench, client, ctl, wait_until
from lib.certificates import authority, client_by, issue, listening, proxy_by, servers_by

with Bench() as b:
    ca = authority()
    number, name, server_id = issue("number", ca), issue("name", ca, ip="192.0.2.1", dns="localhost"), issue("server", ca)
    one, two = (b.proxy(workers=1, options=[*listening(i), *servers_by(ca)]) for i in (number, name))
    both = f"127.0.0.1:{one.port},localhost:{two.port}"
    server = b.server("1", "111", both, workers=1, options=[*listening(server_id), *proxy_by(ca)])
    one.wait_server("1")
    two.wait_server("1")
    for order in (both, f"localhost:{two.port},127.0.0.1:{one.port}"):
        status, out, err = client(order, *client_by(ca), "--policy", "111", "--payload", "x")
        assert status == 0, (out, err)

    # The number is in one certificate alone.
    server = b.server("2", "111", f"127.0.0.1:{one.port},127.0.0.1:{two.port}", workers=1, options=[*listening(server_id), *proxy_by(ca)])
    one.wait_server("2")
    wait_until(lambda: "certificate" in ctl(server.socket, "status")["proxies"][1]["trouble"], "the name is wrong")
    assert ctl(server.socket, "status")["registration"] == "joined" and "2" not in two.servers()
    status, out, err = client(f"127.0.0.1:{two.port},127.0.0.1:{one.port}", *client_by(ca), "--policy", "111", "--payload", "x")
    assert status == 0 and f"no connection to the proxy at 127.0.0.1:{two.port}: " in out, (out, err)
    assert client(f"127.0.0.1:{two.port}", *client_by(ca), "--server-name", "localhost", "--policy", "111", "--payload", "x")[0] == 0
