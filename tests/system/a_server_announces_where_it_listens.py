"""A server that listens at one address is registered there and not where its connection comes from.  What can't work is said at
the start, and by -t."""
from lib.bench import PROGRAMS, Bench, Daemon, ask, correct, run

with Bench() as b:
    proxy = b.proxy()
    s = b.keep(Daemon([f"{PROGRAMS}/ppool-server", "-id", "5", "-pp", "111", "-listen", "127.0.0.5:0", "-revproc", str(proxy.port),
                       "--runtime-dir", b.runtime]))
    port = s.wait_for(r'msg="serving" id=5 policy=111 listen=127\.0\.0\.5:(\d+) ')[1]
    proxy.wait_server("5", addr=f"127.0.0.5:{port}")
    assert correct(ask(proxy))

    base = ["-id", "5", "-pp", "111"]
    for argv, words in (
        (["-listen", "127.0.0.5:2105", "-revproc", "192.0.2.1:2100"], ["listen", "127.0.0.5:2105", "192.0.2.1:2100", "cannot reach", "host"]),
        (["-listen", "[::1]:2105", "-revproc", "[2001:db8::1]:2100"], ["listen", "[::1]:2105", "cannot reach"]),
        (["-listen", "2105", "-revproc", "192.0.2.1:2100", "--host", "127.0.0.1"], ["host", "127.0.0.1", "cannot reach"]),
        (["-listen", "2105", "-revproc", "2100", "--host", "a.example"], ["host", "a.example", "numeric"]),
        (["-listen", "2105", "-revproc", "2100", "--host", "0.0.0.0"], ["host", "0.0.0.0", "no server can be"]),
        (["-listen", "2105", "-revproc", "2100", "--host", "224.0.0.1"], ["host", "224.0.0.1", "no server can be"]),
        (["-listen", "2105", "-revproc", "127.0.0.1:0"], ["revproc", "127.0.0.1:0", "port"]),
    ):
        for check in ([], ["-t"]):
            status, out, err = run("ppool-server", *base, *argv, *check)
            assert status == 2 and all(w in err for w in words), (argv, check, status, err)
    for argv in (["-listen", "127.0.0.5:2105", "-revproc", "127.0.0.1:2100"], ["-listen", "127.0.0.5:2105"],
                 ["-listen", "127.0.0.1:2105", "-revproc", "192.0.2.1:2100", "--host", "192.0.2.7"],
                 ["-listen", "2105", "-revproc", "192.0.2.1:2100"], ["-listen", "127.0.0.1:2105", "-revproc", "proxy.example:2100"]):
        status, out, err = run("ppool-server", *base, *argv, "-t")
        assert status == 0, (argv, err)
