"""Without a syslog a detached daemon that was not told where to log has a file in its runtime folder; one that is to log to syslog says
that lines are lost.  Both are said at the start."""
import os
import signal
from lib import needs
from lib.bench import PROGRAMS, Bench, run, runs, wait_until

if os.path.exists("/dev/log"):
    needs.skip("there is a syslog here")
with Bench() as b:
    pidfile = f"{b.runtime}/p.pid"

    def start(*options):
        status, out, err = run("ppool-proxy", "-d", "-port", "0", "--runtime-dir", b.runtime, "--workers", "1", "--pidfile", pidfile, *options)
        assert status == 0, (status, err)
        with open(pidfile) as f:
            return int(f.read()), err

    def stop(pid):
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not runs(pid), "its end")

    pid, err = start("--log", "syslog")
    assert "there is no syslog: log lines are lost" in err and "path=/dev/log" in err, err
    stop(pid)
    log = f"{b.runtime}/ppool-proxy.log"
    assert not os.path.exists(log)
    pid, err = start()
    assert "there is no syslog: the log is a file" in err and log in err, err
    stop(pid)
    with open(log) as f:
        text = f.read()
    assert 'msg="serving"' in text and f" pid={pid} " in text, text
