"""An upgrade that is asked for among reloads takes place; a reload that is asked for while a successor starts is in force afterwards, by the
successor or, where that fails, here; a caller that cannot be served is told why."""
import concurrent.futures
import os
import shutil
import signal
import lib.bench
from lib.bench import FOLDER, Bench, ask, correct, ctl, ctl_run, wait_until, workers

with Bench() as b:
    real = lib.bench.PROGRAMS
    for program in ("ppool-proxy", "ppool-server"):
        shutil.copy(f"{real}/{program}", FOLDER)
    conf = b.file("both.conf", "workers = 2\n")
    lib.bench.PROGRAMS = FOLDER
    proxy = b.proxy(options=["-c", conf])
    server = b.server("1", "111", proxy, options=["-c", conf], wait=False)
    lib.bench.PROGRAMS = real
    proxy.wait_server("1")
    for daemon, program in ((proxy, "ppool-proxy"), (server, "ppool-server")):
        # In a storm of reloads.
        for _ in range(3):
            former = daemon.pid
            for _ in range(20):
                os.kill(former, signal.SIGHUP)
            os.kill(former, signal.SIGUSR2)
            for _ in range(20):
                os.kill(former, signal.SIGHUP)
            daemon.upgraded(former)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(ctl_run, "-s", daemon.socket, "reload") for _ in range(4)]
            former = daemon.pid
            status, out, err = ctl_run("-s", daemon.socket, "upgrade")
            assert status == 0, err
            daemon.upgraded(former)
            for a in asked:
                assert a.result()[0] == 0 or "an upgrade is under way" in a.result()[2], a.result()
        wait_until(lambda: ctl(daemon.socket, "status")["state"] == "running" and len(workers(daemon)) == 2, "two workers")

        # While a successor starts that fails: this one reloads.
        binary, gate = f"{FOLDER}/{program}", f"{FOLDER}/{program}.gate"
        os.mkfifo(gate)
        os.unlink(binary)
        with open(binary, "w") as f:
            f.write(f"#!/bin/sh\n: >{conf}.read\nread line <{gate}\nexit 5\n")
        os.chmod(binary, 0o755)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            former, generation = daemon.pid, ctl(daemon.socket, "status")["generation"]
            asked = pool.submit(ctl_run, "-s", daemon.socket, "upgrade")
            wait_until(lambda: os.path.exists(f"{conf}.read"), "the successor")
            os.kill(former, signal.SIGHUP)
            assert ctl(daemon.socket, "status")["generation"] == generation
            with open(gate, "w") as f:
                f.write("go\n")
            assert "code 5" in asked.result()[2], asked.result()
        wait_until(lambda: ctl(daemon.socket, "status")["generation"] == generation + 1, "the reload here")
        assert ctl(daemon.socket, "status")["pid"] == former and correct(ask(proxy))
        os.unlink(f"{conf}.read")

        # While one starts that succeeds: it is told to.
        with open(binary, "w") as f:
            f.write(f"#!/bin/sh\n: >{conf}.read\nread line <{gate}\nexec {real}/{program} \"$@\"\n")
        os.chmod(binary, 0o755)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            former = daemon.pid
            asked = pool.submit(ctl_run, "-s", daemon.socket, "upgrade")
            wait_until(lambda: os.path.exists(f"{conf}.read"), "the successor")
            status, out, err = ctl_run("-s", daemon.socket, "upgrade")
            assert status == 1 and "an upgrade is under way" in err, (status, out, err)
            status, out, err = ctl_run("-s", daemon.socket, "reload")
            assert status == 1 and "an upgrade is under way" in err, (status, out, err)
            heard = daemon.output.count("now=0")
            os.kill(former, signal.SIGHUP)
            wait_until(lambda: daemon.output.count("now=0") > heard, "the order")
            assert ctl(daemon.socket, "status")["pid"] == former
            with open(gate, "w") as f:
                f.write("go\n")
            assert asked.result()[0] == 0, asked.result()
            daemon.upgraded(former)
        wait_until(lambda: ctl(daemon.socket, "status")["generation"] == 2, "the reload at the successor")
        os.unlink(f"{conf}.read")
        os.unlink(gate)
        os.unlink(binary)
        shutil.copy(f"{real}/{program}", binary)
