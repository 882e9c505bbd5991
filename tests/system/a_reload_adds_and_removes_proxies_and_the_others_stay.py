"""The list of a file is changed under a server: what is on it before and after stays joined, over the same connection."""
from lib.bench import PROGRAMS, Bench, Daemon, ask, correct, ctl, ctl_run, wait_until


def since(server, proxy):
    return next((p["age_s"] for p in ctl(server.socket, "status")["proxies"] if p["proxy"] == str(proxy.port)), None)


with Bench() as b:
    one, two, three = b.proxy(workers=1), b.proxy(workers=1), b.proxy(workers=1)

    def proxies(*those):
        return b.file("s.conf", 'id = 1\npolicy = 111\nlisten = 0\nworkers = 1\nrevproc = {' + ", ".join(f'"{p.port}"' for p in those) + "}\n")

    server = b.keep(Daemon([f"{PROGRAMS}/ppool-server", "-c", proxies(one, two), "--runtime-dir", b.runtime]))
    server.socket = f"{b.runtime}/ppool-server-1.sock"
    one.wait_server("1")
    two.wait_server("1")
    assert len(ctl(three.socket, "servers")) == 0
    times = one.said("server joined")

    proxies(three, one)
    assert ctl_run("-s", server.socket, "reload")[0] == 0
    three.wait_server("1")
    two.wait_server("1", present=False)
    assert [p["proxy"] for p in ctl(server.socket, "status")["proxies"]] == [str(three.port), str(one.port)]
    for proxy in (one, three):
        assert correct(ask(proxy.port))
    assert "server left" not in one.output and one.output.count("server joined") == times, one.output

    # A name that has no address is told, and harms nothing; nor does one that is wrong, which changes nothing.
    b.file("s.conf", f'id = 1\npolicy = 111\nlisten = 0\nworkers = 1\nrevproc = {{"{one.port}", "nowhere.invalid:2100"}}\n')
    assert ctl_run("-s", server.socket, "reload")[0] == 0
    server.wait_for('not registered with the proxy.*proxy=nowhere.invalid:2100')
    wait_until(lambda: ctl(server.socket, "status")["registration_trouble"].startswith("nowhere.invalid:2100: "), "the trouble is told")
    assert ctl(server.socket, "status")["registration"] == "joined" and correct(ask(one.port))
    for wrong, why in ((f'{{"{one.port}", "127.0.0.1:{one.port}"}}', "it is there twice"), ('{"a:1", "b"}', "port"),
                       ("{" + ", ".join(f"{i + 1}" for i in range(17)) + "}", "more than 16")):
        b.file("s.conf", f"id = 1\npolicy = 111\nlisten = 0\nworkers = 1\nrevproc = {wrong}\n")
        status, out, err = ctl_run("-s", server.socket, "reload")
        assert status == 1 and "s.conf:5: revproc: " in err and why in err, err
    assert correct(ask(one.port))
    proxies()
    assert ctl_run("-s", server.socket, "reload")[0] == 0
    one.wait_server("1", present=False)
