"""Both daemons listen at a port, a path and an abstract name at once: all are served and told of, who asks is known by the user, and
with a Unix socket alone there is no port at all.  The path has the rights that it was given, and goes with the daemon."""
import os
import stat
from lib.bench import Bench, Peer, ask, correct, ctl, ctl_run, request, wait_until

with Bench() as b:
    path, name = f"{b.runtime}/p.sock", f"policypool-test-{os.getpid()}"
    log = os.path.join(b.runtime, "access")
    proxy = b.proxy(port=f"0,unix:{path},unix:@{name}", options=["--listen-mode", "0640", "--listen-owner", os.geteuid(),
                                                                "--access-log", "all", "--access-log-file", log])
    server = b.server("1", "111", proxy, port=f"0,unix:{b.runtime}/s.sock")
    for at in (proxy.port, f"unix:{path}", f"unix:@{name}"):
        with Peer(at) as p:
            for i in range(3):
                assert correct(p.ask(request(f"{at} {i}")), f"{at} {i}"), at
    assert correct(ask(f"unix:{b.runtime}/s.sock"))
    wait_until(lambda: open(log).read().count("client=\"unix:uid=") == 6, "who asked over a Unix socket is in the access log")
    assert f"client=\"unix:uid={os.geteuid()},pid={os.getpid()}\" " in open(log).read()
    status = os.stat(path)
    assert stat.S_ISSOCK(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o640 and status.st_uid == os.geteuid()
    assert ctl(proxy.socket, "status")["listen"] == f"127.0.0.1:{proxy.port}, unix:{path}, unix:@{name}"
    assert proxy.said(f'listen="127.0.0.1:{proxy.port}, unix:{path}, unix:@{name}"')
    assert f"unix:{b.runtime}/s.sock" in ctl(server.socket, "status")["listen"]
    assert server.stop() == 0 and proxy.stop() == 0
    os.unlink(log)
    assert os.listdir(b.runtime) == [], "nothing is left behind"

    # Nothing but a path: it names the daemon, too.
    alone = b.proxy(port=f"unix:{path}")
    assert alone.port is None and ctl(f"{b.runtime}/ppool-proxy-p.sock", "status")["listen"] == f"unix:{path}"
    assert ask(f"unix:{path}")["code"] == "unknown-policy"
    assert alone.said(f"Proxy running at unix:{path}")
    assert alone.stop() == 0
    assert os.listdir(b.runtime) == [], "nothing is left behind"
