"""By the proxy for checks and by its workers, by a server that joins again, and by ppool-client; a server with another certificate is
verified anew."""
import shutil

from lib.bench import Bench, ask, client_json, correct, ctl, reload, wait_until
from lib.certificates import authority, client_by, issue, listening, proxy_by, servers_by

with Bench() as b:
    ca, other = authority(), authority("other")
    pool, strange = issue("pool", ca), issue("strange", other)
    in_use = issue("in-use", ca)
    proxy = b.proxy(options=[*listening(pool, "optional"), *servers_by(ca), "--health-check", "request",
                             "--check-interval", "100ms"])
    server = b.server("1", "111", proxy, options=[*listening(in_use), *proxy_by(ca)])

    def counted(daemon, name):
        return ctl(daemon.socket, "status")[name]

    wait_until(lambda: counted(server, "tls_resumed") >= 10, "checks resume")
    told = ctl(server.socket, "status")
    assert told["tls_handshakes"] - told["tls_resumed"] <= 2, ("in full once, or a second time at once", told)

    # The server joins again, for those who had its connection end.
    before = counted(proxy, "tls_resumed")
    reload(proxy)
    wait_until(lambda: counted(proxy, "tls_resumed") > before, "the registrar resumes")
    proxy.wait_server("1")

    # Its former workers close their connections, and those of the proxy connect again.
    for _ in range(4):
        assert correct(ask(proxy))
    made = counted(proxy, "tls_connects")
    assert made >= 1
    reload(server)

    def resumed():
        assert correct(ask(proxy))
        return counted(proxy, "tls_connects_resumed") > 0
    wait_until(resumed, "workers resume")

    # A connection a request: in full with the first.
    before = counted(proxy, "tls_handshakes"), counted(proxy, "tls_resumed")
    status, told = client_json(proxy, *client_by(ca), "--policy", "111", "--size", "64", "--count", "40", "--parallel", "2",
                               "--no-keepalive")
    assert status == 0 and told["correct"] == 40, told
    wait_until(lambda: counted(proxy, "tls_handshakes") - before[0] >= 40, "a connection each")
    assert counted(proxy, "tls_resumed") - before[1] >= 36, ctl(proxy.socket, "status")

    # What another CA has signed is no more believed for there having been a session.
    shutil.copy(strange.certificate, in_use.certificate)
    shutil.copy(strange.key, in_use.key)
    before = counted(server, "tls_resumed")
    reload(server)
    wait_until(lambda: proxy.servers()["1"]["state"] != "up", "it is not up")
    proxy.wait_for('"server down" id=1 .*why="TLS failed"')
