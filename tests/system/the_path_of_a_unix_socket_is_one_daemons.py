"""A path that a killed daemon left is taken over; one at which another daemon serves, or where something else is, is not, and that one
is left alone: at the start, at a check and at a reload.  A path that somebody removed is told, and a reload makes it anew."""
import os
import signal
from lib.bench import PROGRAMS, Bench, Daemon, ask, ctl_run, run, wait_until


def serves(path):
    return ask(f"unix:{path}")["code"] == "unknown-policy"


with Bench() as b:
    path = f"{b.runtime}/p.sock"
    dead = b.proxy(port=f"unix:{path}")
    dead.kill_group()
    assert os.path.exists(path)
    proxy = b.proxy(port=f"unix:{path}")
    assert serves(path)

    # Two at one path.
    other = b.keep(Daemon([f"{PROGRAMS}/ppool-proxy", "-port", f"0,unix:{path}", "--runtime-dir", f"{b.runtime}/other"]))
    assert other.wait() == 1
    assert 'msg="cannot listen"' in other.output and f"address=unix:{path}" in other.output and "in use" in other.output, other.output
    assert serves(path)

    # What is no socket, and what can't be: by check and at the start.
    plain = b.file("plain", "kept")
    for listen, why in ((f"unix:{plain}", "what is there is no socket"), ("unix:/no/such/folder/x", "its folder is missing"),
                        ("unix:/" + "x" * 107, "longer than a Unix socket's address can be"), ("unix:x", "path is absolute"),
                        ("unix:@", "missing")):
        status, out, err = run("ppool-proxy", "-t", "--listen", listen, "--runtime-dir", b.runtime)
        assert status == 2 and why in err, (listen, err)
    assert open(plain).read() == "kept"
    for option, why in (("--listen-owner=no-such-user", "no such user"), ("--listen-group=no-such-group", "no such group"),
                        ("--listen-mode=1777", "0777")):
        status, out, err = run("ppool-proxy", "-t", "--listen", f"unix:{path}", "--runtime-dir", b.runtime, option)
        assert status == 2 and why in err, (option, err)

    # Removed by hand: told, and put back by a reload.  The name is another daemon's meanwhile: the reload is refused.
    os.unlink(path)
    proxy.wait_for("the path of the listening socket was removed: reload to listen anew")
    thief = b.proxy(port=f"0,unix:{path}")
    status, out, err = ctl_run("-s", proxy.socket, "reload")
    assert status == 1 and f"cannot listen on unix:{path}" in err, err
    assert serves(path)
    assert thief.stop() == 0
    assert not os.path.exists(path), "whoever was put there removes its own"
    status, out, err = ctl_run("-s", proxy.socket, "reload")
    assert status == 0, err
    assert serves(path)
    assert proxy.stop(signal.SIGTERM) == 0
    assert not os.path.exists(path)
