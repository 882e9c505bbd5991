"""The successor has job processes of its own before the former ones end, and though masters adopt what handlers leave behind, it is no
child of its predecessor."""
import os
import signal
from lib.bench import Bench, Peer, ctl, ctl_run, request, run, runs, wait_until

ECHO = """#!/usr/bin/env python3
import json, sys
for line in sys.stdin:
    job = json.loads(line)
    print(json.dumps({"job": job["job"], "payload": job["payload"]}), flush=True)
"""

with Bench() as b:
    path = b.file("echo", ECHO)
    os.chmod(path, 0o755)
    conf = b.file("conf", f'job = x\nhandler = exec\nhandler_command = "{path}"\nhandler_processes = 2\nworkers = 1\nlog = "{b.runtime}/log"\n')
    status, out, err = run("ppool-server", "-d", "-c", conf, "-id", "1", "-pp", "111", "-listen", "0", "--runtime-dir", b.runtime)
    assert (status, out, err) == (0, "", ""), (status, out, err)
    socket = f"{b.runtime}/ppool-server-1.sock"
    former = ctl(socket, "status")["pid"]
    parent = open(f"/proc/{former}/stat").read().rpartition(")")[2].split()[1]
    try:
        for _ in range(2):
            jobs = [p["pid"] for p in ctl(socket, "handlers")]
            status, out, err = ctl_run("-s", socket, "upgrade")
            assert status == 0, (out, err)
            now = ctl(socket, "status")
            assert now["pid"] != former
            with Peer(int(now["listen"].rpartition(":")[2])) as peer:
                assert peer.ask(request("hello"))["payload"] == "hello"
            wait_until(lambda: not runs(former) and not any(map(runs, jobs)), "the former master's end, and that of its job processes")
            assert open(f"/proc/{now['pid']}/stat").read().rpartition(")")[2].split()[1] == parent
            former = now["pid"]
            assert all(runs(p["pid"]) for p in ctl(socket, "handlers"))
    finally:
        os.kill(former, signal.SIGTERM)
        wait_until(lambda: not runs(former), "its end")
    with open(f"{b.runtime}/log") as f:
        assert "level=error" not in (text := f.read()), text
