from lib.bench import Bench, client, ctl_run, wait_until
from lib.certificates import authority, client_by, issue, listening


def send(proxy, *options):
    return client(proxy, *options, "--policy", "111", "--payload", "x")


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
    assert "does not match" in send(proxy, *client_by(ca))[2]

    # A proxy that can't verify it any more does not speak plain to it.
    b.file("proxy.conf", settings)
    assert ctl_run("-s", proxy.socket, "reload")[0] == 0
    status, out, err = send(proxy, *by_name)
    assert status == 1 and "refused" in out, (status, out, err)
    proxy.wait_for('"server failed" id=1 .*no server_ca to verify it by')

    # Nor does one that requires TLS to one that speaks plain.
    b.file("proxy.conf", settings + trust)
    assert ctl_run("-s", proxy.socket, "reload")[0] == 0
    wait_until(lambda: send(proxy, *by_name)[0] == 0, "it is served again")
    b.server("2", "222", proxy, options=["--revproc-tls", "--revproc-ca", ca.certificate, "--revproc-name", "pool.example"])
    assert client(proxy, *by_name, "--policy", "222", "--payload", "x")[0] == 0
    b.file("proxy.conf", settings + trust + "server_tls = required\n")
    assert ctl_run("-s", proxy.socket, "reload")[0] == 0
    assert client(proxy, *by_name, "--policy", "222", "--payload", "x")[0] == 1
    proxy.wait_for('"server failed" id=2 .*did not announce TLS')
    assert send(proxy, *by_name)[0] == 0
