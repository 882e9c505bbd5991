"""Its settings file was named from another folder; session, stdio, pidfile and log are what they were."""
import os
import signal
from lib.bench import FOLDER, PROGRAMS, Bench, ask, correct, ctl, ctl_run, free_port, run, runs, wait_until

with Bench() as b:
    port = free_port()
    b.file("p.conf", f'log = "{FOLDER}/log"\nworkers = 2\n')
    status, out, err = run("ppool-proxy", "-d", "-c", "p.conf", "-port", port, "--runtime-dir", b.runtime, "--state-file", "none")
    assert (status, out, err) == (0, "", ""), (status, out, err)
    socket, pidfile = f"{b.runtime}/ppool-proxy-{port}.sock", f"{b.runtime}/ppool-proxy-{port}.pid"
    session = former = ctl(socket, "status")["pid"]
    try:
        for _ in range(2):
            status, out, err = ctl_run("-s", socket, "upgrade")
            assert status == 0, err
            pid = ctl(socket, "status")["pid"]
            assert pid != former
            wait_until(lambda: not runs(former), "the former one's end")
            assert os.getsid(pid) == session and os.readlink(f"/proc/{pid}/cwd") == "/"
            assert all(os.readlink(f"/proc/{pid}/fd/{fd}") == "/dev/null" for fd in range(3))
            with open(pidfile) as f:
                assert int(f.read()) == pid
            former = pid
        with open(f"{FOLDER}/log") as f:
            assert f.read().count("took over") == 2
        b.file("p.conf", "workers = 3\n")
        status, out, err = ctl_run("-s", socket, "reload")
        assert status == 0 and ctl(socket, "status")["workers"]["wanted"] == 3, (status, out, err)
    finally:
        os.kill(former, signal.SIGTERM)
        wait_until(lambda: not runs(former), "its end")
    assert set(os.listdir(b.runtime)) <= {"ppool-proxy.log"}, os.listdir(b.runtime)
