from lib.bench import Bench, client
from lib.certificates import authority, client_by, issue, listening, proxy_by, servers_by
from lib.unix import UnixProxy, UnixServer

with Bench() as b:
    ca = authority()
    proxy_id, server_id, client_id = (issue(name, ca, dns="localhost") for name in ("proxy", "server", "client"))
    proxy = b.keep(UnixProxy(b, options=[*listening(proxy_id, client_ca=ca), *servers_by(ca, proxy_id), "--server-tls", "required"]))
    b.keep(UnixServer(b, "1", "111", proxy, options=[*listening(server_id, client_ca=ca), *proxy_by(ca, server_id)]))
    status, out, err = client(proxy, *client_by(ca, client_id), "--policy", "111", "--payload", "secret")
    assert status == 0 and "the hash is correct" in out, (status, out, err)
    assert proxy.servers()["1"]["tls"] is True
    status, out, err = client(proxy, *client_by(ca, client_id), "--server-name", "pool.example", "--policy", "111", "--payload", "x")
    assert status != 0, (status, out, err)
