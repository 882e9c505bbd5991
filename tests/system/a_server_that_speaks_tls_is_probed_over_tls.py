from lib.bench import Bench, ctl, wait_until
from lib.certificates import authority, issue, listening, servers_by

with Bench() as b:
    ca, other = authority(), authority("other")
    proxy = b.proxy(options=[*servers_by(ca), "--health-check", "request", "--check-interval", "100ms"])
    good = b.server("1", "111", proxy, options=listening(issue("good", ca)))
    wait_until(lambda: ctl(good.socket, "status")["requests"] >= 5, "it is asked by probes")
    status = ctl(good.socket, "status")
    assert status["errors"] == status["tls_failed"] == 0 and status["tls_handshakes"] >= 5, status
    assert proxy.servers()["1"]["state"] == "up"

    # One with a certificate of another CA does not pass.
    strange = b.server("2", "222", proxy, options=listening(issue("strange", other)))
    wait_until(lambda: ctl(strange.socket, "status")["tls_failed"] >= 3, "probes don't believe it")
    wait_until(lambda: proxy.servers()["2"]["state"] != "up", "it is not up")
    proxy.wait_for('"server down" id=2 .*why="TLS failed"')
    assert proxy.servers()["1"]["state"] == "up"
