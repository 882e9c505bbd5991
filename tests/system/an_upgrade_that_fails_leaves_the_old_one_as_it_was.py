"""The binary is gone, is none, ends, or never gets ready; the settings are wrong: the answer says why, and nothing has changed."""
import os
import shutil
import signal
from lib.bench import FOLDER, PROGRAMS, SLOW, Bench, Proxy, Server, ask, correct, ctl, ctl_run, wait_until, workers


def broken(daemon, binary, text):
    os.unlink(binary)
    if text is not None:
        with open(binary, "w") as f:
            f.write(text)
        os.chmod(binary, 0o755)
    before = daemon.pid, workers(daemon)
    status, out, err = ctl_run("-s", daemon.socket, "upgrade")
    assert status == 1, (out, err)
    assert (ctl(daemon.socket, "status")["pid"], workers(daemon)) == before
    assert ctl(daemon.socket, "status")["upgrade_error"] in err
    daemon.wait_for("not upgraded; this process goes on")
    return err


with Bench() as b:
    copies = {}
    for program in ("ppool-proxy", "ppool-server"):
        copies[program] = os.path.join(FOLDER, program)
        shutil.copy(f"{PROGRAMS}/{program}", copies[program])
    import lib.bench
    lib.bench.PROGRAMS, real = FOLDER, PROGRAMS
    conf = b.file("p.conf", "")
    proxy = b.proxy(options=["-c", "p.conf", "--pidfile", f"{b.runtime}/p.pid"])
    server = b.server("1", "111", proxy, wait=False)
    lib.bench.PROGRAMS = real
    proxy.wait_server("1")
    for daemon, program in ((proxy, "ppool-proxy"), (server, "ppool-server")):
        binary = copies[program]
        assert "No such file" in broken(daemon, binary, None)
        open(binary, "w").close()
        assert "Exec format" in broken(daemon, binary, "no program\0")
        assert "code 3: it will not" in broken(daemon, binary, "#!/bin/sh\necho it will not >&2\nexit 3\n")
        # One that says much: a few lines are logged, the others counted; the last one is the answer's.
        said = broken(daemon, binary, "#!/bin/sh\nyes a line | head -c 10000000 >&2\necho >&2; echo the last >&2\nexit 4\n")
        assert "code 4: the last" in said, said
        assert daemon.output.count("a line") <= 25, daemon.output.count("a line")
        assert daemon.said("the successor said more")
        assert "signal 9" in broken(daemon, binary, "#!/bin/sh\nkill -9 $$\n")
        os.unlink(binary)
        shutil.copy(f"{real}/{program}", binary)
        assert correct(ask(proxy))
    b.file("p.conf", "\nno_such_key = 1\n")
    status, out, err = ctl_run("-s", proxy.socket, "upgrade")
    assert status == 1 and "p.conf:2: no_such_key" in err, err
    b.file("p.conf", 'log = "/nowhere/at/all"\n')
    status, out, err = ctl_run("-s", proxy.socket, "upgrade")
    assert status == 1 and "log: /nowhere/at/all: No such file" in err, err
    with open(f"{b.runtime}/p.pid") as f:
        assert int(f.read()) == proxy.pid
    b.file("p.conf", "")
    for daemon in (proxy, server):
        daemon.upgrade()
        assert "upgrade_error" not in ctl(daemon.socket, "status")
    assert correct(ask(proxy))
