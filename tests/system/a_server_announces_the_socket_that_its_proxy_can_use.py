from lib.bench import Bench, Server, correct, ask, run
from lib.unix import UnixProxy, UnixServer, at

with Bench() as b:
    # It listens at both, and so does its proxy.
    proxy = b.keep(UnixProxy(b, also=["0"]))
    port = proxy.tcp
    over_unix = b.keep(UnixServer(b, "100", "unix", proxy, also=["0"]))
    over_tcp = b.keep(UnixServer(b, "200", "tcp", port, also=["0"]))
    proxy.wait_server("200")
    assert proxy.servers()["100"]["addr"] == over_unix.port, proxy.servers()
    assert proxy.servers()["200"]["addr"].startswith("127.0.0.1:"), proxy.servers()
    assert correct(ask(proxy, policy="unix")) and correct(ask(port, policy="unix"))
    assert correct(ask(proxy, policy="tcp")) and correct(ask(port, policy="tcp"))
    # One at a port joins over a Unix socket all the same, from loopback.
    b.keep(Server(b, "300", "port", proxy))
    assert correct(ask(proxy, policy="port"))
    # What no proxy would take is said at the start.
    for argv, why in ((["-listen", at("x"), "-revproc", port], "unless it signs: give revproc as unix:/PATH, or key_file"),
                      (["-listen", at("x"), "-revproc", "192.0.2.1:2100"], "the proxy cannot reach this address"),
                      (["-listen", at("x"), "-revproc", proxy.port, "--host", "127.0.0.1"], "no port to announce"),
                      (["-listen", "0", "-revproc", proxy.port, "--host", "unix:x"], "neither a numeric IPv4 or IPv6 address nor unix:/PATH"),
                      (["-listen", "0", "-revproc", "unix:/a b"], "can't be in a Unix socket's address")):
        status, _, err = run("ppool-server", "-id", "9", "-pp", "9", *argv, "--runtime-dir", b.runtime)
        assert status == 2 and why in err, (status, err)
