"""Client to proxy, proxy to server, server to proxy: all over TLS, each side with a certificate that the other verifies."""
from lib.bench import Bench, client, client_json
from lib.certificates import authority, client_by, issue, listening, proxy_by, servers_by

with Bench() as b:
    ca = authority()
    proxy_id, server_id, client_id = (issue(name, ca) for name in ("proxy", "server", "client"))
    proxy = b.proxy(options=[*listening(proxy_id, client_ca=ca), *servers_by(ca, proxy_id), "--server-tls", "required",
                             "--max-message", "2M"])
    b.server("1", "111", proxy, options=[*listening(server_id, client_ca=ca), *proxy_by(ca, server_id), "--max-message", "2M"])
    by_tls = client_by(ca, client_id)
    status, out, err = client(proxy, *by_tls, "--policy", "111", "--payload", "secret")
    assert status == 0 and "the hash is correct" in out, (status, out, err)
    status, summary = client_json(proxy, *by_tls, "--policy", "111", "--size", "1M", "--vary", "-n", "20", "--parallel", "2")
    assert status == 0 and summary["correct"] == 20, summary
    status, summary = client_json(proxy, *by_tls, "--policy", "111", "--size", "100", "--vary", "-n", "5000", "--parallel", "4",
                                  "--pipeline", "32")
    assert status == 0 and summary["correct"] == 5000, summary
    status, summary = client_json(proxy, *by_tls, "--policy", "111", "--size", "100", "-n", "50", "--no-keepalive")
    assert status == 0 and summary["correct"] == 50, summary
