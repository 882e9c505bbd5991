"""With handler_user job processes are another user than the workers: they have no privileges, cannot gain any, their system calls are
filtered, and there is a bound to how many there may be.  Without it they are the workers' user."""
import os
import pwd
from lib.bench import WRAP, Bench, ctl, reload, wait_until, workers
from lib.needs import need_root

ECHO = """#!/usr/bin/env python3
import json, sys
for line in sys.stdin:
    print(json.dumps({"job": json.loads(line)["job"], "payload": ""}), flush=True)
"""


def status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def limit(pid, name):
    with open(f"/proc/{pid}/limits") as f:
        return next(line for line in f if line.startswith(name))[len(name):].split()[0]


need_root()
with Bench() as b:
    path = b.file("echo", ECHO)
    os.chmod(path, 0o755)
    options = ["--job", "x", "--handler", "exec", f"--handler-command={path}", "--narrate", "no"]
    own = b.server("1", "111", None, workers=1, options=["-c", b.file("own.conf", ""), *options, "--handler-user", "daemon"])
    pid, worker = ctl(own.socket, "handlers")[0]["pid"], workers(own)[0]
    uid = str(pwd.getpwnam("daemon").pw_uid)
    told = status(pid)
    assert told["Uid"].split() == [uid] * 4, told["Uid"]
    assert status(worker)["Uid"].split()[0] not in (uid, "0")
    assert told["NoNewPrivs"] == "1" and int(told["CapEff"], 16) == int(told["CapBnd"], 16) == 0, told
    assert told["Seccomp"] == "2" or WRAP, told
    assert limit(pid, "Max processes").isdigit(), limit(pid, "Max processes")
    assert limit(pid, "Max open files") == "1024"
    with open(f"/proc/{pid}/oom_score_adj") as f:
        assert int(f.read()) == 500
    assert os.getsid(pid) == os.getpgid(pid) == pid
    b.file("own.conf", "handler_max_processes = 2000")
    reload(own)
    pid = wait_until(lambda: (p := ctl(own.socket, "handlers")[0])["state"] == "idle" and p["pid"], "the new one is up")
    assert limit(pid, "Max processes") == "2000", limit(pid, "Max processes")
    shared = b.server("2", "111", None, workers=1, options=options)
    assert shared.said("job processes have the user of workers")
    pid, worker = ctl(shared.socket, "handlers")[0]["pid"], workers(shared)[0]
    assert status(pid)["Uid"] == status(worker)["Uid"]
