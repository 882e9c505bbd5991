from lib.bench import Bench, client, ctl, reload, wait_until
from lib.certificates import authority, client_by, issue, listening


def send(proxy, *options):
    return client(proxy, *options, "--policy", "111", "--payload", "x")


def taken_out(proxy, id, policy, why):
    """At once, and said where an operator looks."""
    proxy.wait_server(id, present=False)
    proxy.wait_for(f"server taken out.*id={id} why=.*{why}")
    removed = [e for e in ctl(proxy.socket, "events") if e["event"] == "removed" and e["id"] == id]
    assert [e["policy"] for e in removed] == [policy] and why in removed[0]["why"], removed


with Bench() as b:
    ca = authority()
    # Good for pool.example alone, wherever that may be.
    identity = issue("pool", ca, ip="192.0.2.9")
    settings = f'tls = required\ntls_certificate = "{identity.certificate}"\ntls_key = "{identity.key}"\n'
    trust = f'server_ca = "{ca.certificate}"\nserver_name = "pool.example"\n'
    conf = b.file("proxy.conf", settings + trust)
    proxy = b.proxy(options=["-c", conf])
    server = b.server("1", "111", proxy, options=[*listening(identity), "--revproc-tls", "--revproc-ca", ca.certificate,
                                                  "--revproc-name", "pool.example"])
    by_name = [*client_by(ca), "--server-name", "pool.example"]
    assert send(proxy, *by_name)[0] == 0
    assert "is not for the name expected, " in send(proxy, *client_by(ca))[2]

    # A proxy that can't verify it any more does not speak plain to it, but takes it out; it is refused until it can be verified.
    b.file("proxy.conf", settings)
    reload(proxy)
    taken_out(proxy, "1", "111", "no server_ca any more")
    status, out, err = send(proxy, *by_name)
    assert status == 1 and "refused" in out, (status, out, err)
    b.file("proxy.conf", settings + trust)
    reload(proxy)
    proxy.wait_server("1")
    assert send(proxy, *by_name)[0] == 0

    # Nor does one that requires TLS keep one that speaks plain: a server that speaks TLS has its requests at once.
    b.server("2", "111", proxy, options=["--revproc-tls", "--revproc-ca", ca.certificate, "--revproc-name", "pool.example"])
    wait_until(lambda: "from server 2:" in send(proxy, *by_name)[1], "both are asked")
    b.file("proxy.conf", settings + trust + "server_tls = required\n")
    reload(proxy)
    taken_out(proxy, "2", "111", "server_tls requires")
    assert all(send(proxy, *by_name)[0] == 0 for _ in range(4))
    assert set(proxy.servers()) == {"1"}
