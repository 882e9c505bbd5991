from lib.bench import Bench, client, wait_until
from lib.certificates import authority, client_by, issue, listening, proxy_by, servers_by


def says(daemon, *words):
    wait_until(lambda: any(all(w in line for w in words) for line in daemon.output.splitlines()), f"{words} in the log")


with Bench() as b:
    ca, other = authority(), authority("other")
    good, strange = issue("good", ca), issue("strange", other)

    # The client does not believe the proxy, nor the proxy the client.
    proxy = b.proxy(options=[*listening(good, client_ca=ca), *servers_by(ca)])
    status, out, err = client(proxy, *client_by(other, good), "--policy", "111", "--payload", "x")
    assert status == 3 and "issuer is unknown" in err, (status, err)
    says(proxy, "TLS failed", "the peer refuses")
    for identity, word in ((strange, "issuer is unknown"), (None, "no certificate")):
        status, out, err = client(proxy, *client_by(ca, identity), "--policy", "111", "--payload", "x", "--retries", "1")
        assert status != 0 and "the peer refuses" in out + err, (status, out, err)
        says(proxy, "TLS failed", word)
    status, out, err = client(proxy, *client_by(ca, good), "--server-name", "other.example", "--policy", "111", "--payload", "x")
    assert status == 3 and "is not for the name expected" in err, (status, err)
    status, out, err = client(proxy, "--tls", "--insecure", "--cert", good.certificate, "--key", good.key, "--policy", "111",
                              "--payload", "x")
    assert "attacker" in err and "unknown-policy" in out, (status, out, err)

    # A joining server does not believe the proxy, nor the proxy that server.
    s = b.server("1", "111", proxy, options=[*listening(good), *proxy_by(other, good)], wait=False)
    says(s, "not registered", "issuer is unknown")
    s = b.server("2", "111", proxy, options=[*listening(good), *proxy_by(ca, strange)], wait=False)
    says(s, "not registered", "the peer refuses")

    # The proxy does not believe a server that it would send a request to, nor the server the proxy.
    s = b.server("3", "333", proxy, options=[*listening(strange), *proxy_by(ca, good)])
    status, out, err = client(proxy, *client_by(ca, good), "--policy", "333", "--payload", "x")
    assert status == 1 and "refused" in out, (status, out, err)
    says(proxy, "id=3", "issuer is unknown")
    s = b.server("4", "444", proxy, options=[*listening(good, client_ca=ca), *proxy_by(ca, good)])
    status, out, err = client(proxy, *client_by(ca, good), "--policy", "444", "--payload", "x")
    assert status == 1, (status, out, err)
    says(s, "TLS failed", "no certificate")

    # What is expired, or for another host, is no better.
    s = b.server("5", "555", proxy, options=[*listening(issue("elsewhere", ca, ip="192.0.2.1")), *proxy_by(ca, good)])
    assert client(proxy, *client_by(ca, good), "--policy", "555", "--payload", "x")[0] == 1
    says(proxy, "id=5", "is not for the name expected")
    past = issue("past", ca, life='activation_date = "2020-01-01"\nexpiration_date = "2020-02-01"')
    s = b.server("6", "666", proxy, options=[*listening(past), *proxy_by(ca, good)])
    assert s.said("certificate has expired")
    assert client(proxy, *client_by(ca, good), "--policy", "666", "--payload", "x")[0] == 1
    says(proxy, "id=6", "expired")
