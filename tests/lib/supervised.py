"""Programs that start daemons, watch them by the pid that they started, and start them again."""
import os
import signal
import subprocess
from lib.bench import FOLDER, ctl, runs, wait_until


class Supervisor:
    """Of one service."""

    def pid(self):
        """Of the process that it started; None while there is none."""

    def started_again(self, before):
        return wait_until(lambda: (now := self.pid()) and now != before and now, "another start")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.output.close()

    def __enter__(self):
        return self


class S6(Supervisor):
    def __init__(self, argv):
        self.folder = os.path.join(FOLDER, "service")
        os.makedirs(self.folder)
        for name, text in (("run", f"#!/bin/sh\nexec 2>&1\nexec {' '.join(argv)}\n"), ("timeout-kill", "20000\n")):
            with open(os.path.join(self.folder, name), "w") as f:
                f.write(text)
        os.chmod(os.path.join(self.folder, "run"), 0o755)
        self.output = open(os.path.join(FOLDER, "s6.log"), "w")
        self.process = subprocess.Popen(["s6-supervise", self.folder], stdout=self.output, stderr=subprocess.STDOUT)

    def pid(self):
        said = subprocess.run(["s6-svstat", "-o", "up,pid", self.folder], capture_output=True, text=True).stdout.split()
        return int(said[1]) if said[:1] == ["true"] and int(said[1]) > 0 else None

    def signal(self, option):
        subprocess.run(["s6-svc", option, self.folder], check=True)

    def stop(self):
        self.signal("-d")
        wait_until(lambda: self.pid() is None, "its end", 30)

    def upgrade(self):
        self.signal("-2")

    def __exit__(self, *_):
        subprocess.run(["s6-svc", "-dx", self.folder])
        self.process.wait(30)
        self.output.close()


class Supervisord(Supervisor):
    def __init__(self, argv):
        self.conf = os.path.join(FOLDER, "supervisord.conf")
        with open(self.conf, "w") as f:
            f.write(f"[supervisord]\nnodaemon=true\nuser=root\nlogfile={FOLDER}/supervisord.log\npidfile={FOLDER}/supervisord.pid\n"
                    f"[unix_http_server]\nfile={FOLDER}/supervisor.sock\n[supervisorctl]\nserverurl=unix://{FOLDER}/supervisor.sock\n"
                    "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
                    f"[program:pool]\ncommand={' '.join(argv)}\nautorestart=true\nstartretries=20\nstopsignal=TERM\nstopwaitsecs=20\n"
                    f"redirect_stderr=true\nstdout_logfile={FOLDER}/pool.log\n")
        self.output = open(os.path.join(FOLDER, "supervisord.out"), "w")
        self.process = subprocess.Popen(["supervisord", "-c", self.conf], stdout=self.output, stderr=subprocess.STDOUT)

    def ctl(self, *argv):
        return subprocess.run(["supervisorctl", "-c", self.conf, *argv], capture_output=True, text=True).stdout

    def pid(self):
        said = self.ctl("pid", "pool").strip()
        return int(said) if said.isdigit() and said != "0" else None

    def stop(self):
        assert "stopped" in self.ctl("stop", "pool")
        assert self.pid() is None

    def upgrade(self):
        self.ctl("signal", "USR2", "pool")


def try_with(supervisor, argv, socket, serves):
    """Start, upgrades by its own signal, stop; a kill of the process that it started, and of the master in charge."""
    master = lambda: os.path.exists(socket) and ctl(socket, "status")["pid"]

    def up(before):
        def look():
            try:
                return (now := master()) and now != before and ctl(socket, "status")["state"] == "running" and now
            except AssertionError:  # it is gone, and its successor not there yet
                return None
        return wait_until(look, "the daemon", 40)

    with supervisor(argv) as s:
        first = up(None)
        started = wait_until(s.pid, "its pid")
        assert started == first
        for _ in range(2):
            s.upgrade()
            first = up(first)
            assert s.pid() == started and runs(started)
            serves()
        os.kill(first, signal.SIGKILL)  # the master in charge
        again = s.started_again(started)
        assert up(first) == again
        serves()
        s.upgrade()
        first = up(again)
        os.kill(again, signal.SIGKILL)  # the one that was started
        wait_until(lambda: not runs(first), "the end of the master in charge")
        started = s.started_again(again)
        assert up(first) == started
        serves()
        s.upgrade()
        first = up(started)
        s.stop()
        assert not runs(first) and not runs(started) and not os.path.exists(socket)
