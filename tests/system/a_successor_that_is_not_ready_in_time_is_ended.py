"""A binary that starts and says nothing: after upgrade_timeout, as the last reload has it, that process is gone and the daemon is
what it was; then one that serves succeeds."""
import os
import shutil
import lib.bench
from lib.bench import FOLDER, Bench, ask, correct, ctl, ctl_run, runs, wait_until, workers

with Bench() as b:
    real = lib.bench.PROGRAMS
    for program in ("ppool-proxy", "ppool-server"):
        shutil.copy(f"{real}/{program}", FOLDER)
    conf = b.file("both.conf", "")
    lib.bench.PROGRAMS = FOLDER
    proxy = b.proxy(options=["-c", conf])
    server = b.server("1", "111", proxy, options=["-c", conf], wait=False)
    lib.bench.PROGRAMS = real
    proxy.wait_server("1")
    for daemon, program in ((proxy, "ppool-proxy"), (server, "ppool-server")):
        b.file("both.conf", "upgrade_timeout = 600ms\n")
        assert ctl_run("-s", daemon.socket, "reload")[0] == 0
        binary, mark = f"{FOLDER}/{program}", f"{FOLDER}/{program}.pid"
        os.unlink(binary)
        with open(binary, "w") as f:
            f.write(f"#!/bin/sh\necho $$ >{mark}\nexec sleep 1000\n")
        os.chmod(binary, 0o755)
        before = daemon.pid, workers(daemon)
        status, out, err = ctl_run("-s", daemon.socket, "upgrade")
        assert status == 1 and "the successor was not ready in time" in err, (status, out, err)
        assert (ctl(daemon.socket, "status")["pid"], workers(daemon)) == before and correct(ask(proxy))
        with open(mark) as f:
            hanging = int(f.read())
        wait_until(lambda: not runs(hanging), "the end of the one that hung")
        os.unlink(binary)
        shutil.copy(f"{real}/{program}", binary)
        b.file("both.conf", "")
        assert ctl_run("-s", daemon.socket, "reload")[0] == 0
        daemon.upgrade()
        assert correct(ask(proxy))
