import os
import signal
from lib.bench import PROGRAMS, Bench, ask, correct, ctl, ctl_run, free_port, run, wait_until


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


with Bench() as b:
    port, serving = free_port(), free_port()
    log = os.path.join(b.runtime, "log")
    common = ["--runtime-dir", b.runtime, "--workers", "2", "--log", log]
    pids = []
    try:
        status, out, err = run("ppool-proxy", "-d", "-port", port, *common)
        assert (status, out, err) == (0, "", ""), (status, out, err)
        with open(f"{b.runtime}/ppool-proxy-{port}.pid") as f:
            pids.append(int(f.read()))
        status, out, err = run("ppool-server", "--daemon", "-id", "1", "-pp", "111", "-listen", serving, "-revproc", port, *common)
        assert (status, out, err) == (0, "", ""), (status, out, err)
        with open(f"{b.runtime}/ppool-server-1.pid") as f:
            pids.append(int(f.read()))
        socket = f"{b.runtime}/ppool-proxy-{port}.sock"
        assert ctl(socket, "status")["pid"] == pids[0], "it was not serving when the parent left"
        wait_until(lambda: ctl(socket, "servers"), "the registration")
        assert correct(ask(port))
        for pid in pids:
            assert os.getsid(pid) == pid, "no session of its own"
            assert os.readlink(f"/proc/{pid}/fd/1") == "/dev/null"
        # The same again: the port is taken; on another port, the server's pidfile is locked.
        status, out, err = run("ppool-proxy", "-d", "-port", port, *common)
        assert status == 1 and "Address already in use" in err and str(port) in err, (status, err)
        assert "already running" in err and f"by_pid={pids[0]}" in err, (status, err)
        status, out, err = run("ppool-server", "-d", "-id", "1", "-pp", "111", "-listen", "0", "-revproc", port, *common)
        assert status == 1 and "already running" in err and str(pids[1]) in err, (status, err)
        assert correct(ask(port)), "the failed starts hurt the running daemons"
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: gone(pid), "its end")
    assert not [n for n in os.listdir(b.runtime) if n.endswith((".pid", ".sock"))], os.listdir(b.runtime)
    with open(log) as f:
        text = f.read()
    assert "serving" in text and "server joined" in text and "already running" in text
