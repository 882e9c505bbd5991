from lib.bench import Bench, ctl, still_serves, wait_until
from lib.signed import Announcer, Key, write

alpha = Key("alpha")
with Bench() as b:
    ring = write(b, "ring", alpha.stanza("policies 111", "ids 1*"))
    proxy = b.proxy(options=["--keyring", ring, "--require-signature"])
    key_file = write(b, "key", f"secret {alpha.secret.hex()}\n")
    server = b.server("100", "111", proxy, options=["--key-file", key_file, "--key-id", "alpha", "--lease", "1s"])
    still_serves(proxy)
    assert proxy.servers()["100"]["key"] == "alpha"
    server.wait_for("registered with the proxy")
    status = ctl(server.socket, "status")
    assert status["registration_trouble"] == "" and status["registration_key"] == "alpha", status
    # Renewed, more than once, over the connection that it has.
    wait_until(lambda: float(proxy.servers()["100"]["age_s"]) > 2.5, "more than two leases")
    assert server.said("Server 100: registered") == 1, server.output
    assert "registration refused" not in proxy.output, proxy.output
    # The same packets, written by hand after the manual.
    with Announcer(proxy, alpha, id="101", port=server.port) as a:
        assert a.join()["verb"] == "registered"
        assert a.say(a.signed())["verb"] == "renewed"
        assert set(proxy.servers()) == {"100", "101"}
        assert a.say(a.signed("5"))["verb"] == "deregistered"
    assert set(proxy.servers()) == {"100"}
    # It takes leave, signed, and its lease is not waited for.
    assert server.stop() == 0
    proxy.wait_server("100", present=False)
    assert "server left" in proxy.output and "lease ended" not in proxy.output, proxy.output
