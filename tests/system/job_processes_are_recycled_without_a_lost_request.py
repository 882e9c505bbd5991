"""Job processes are replaced after handler_max_jobs jobs, under load, and none of the requests fails or is lost."""
import os
from lib.bench import Bench, client_json, ctl, wait_until
from lib.misbehaving import each_end_is_told
from lib.quiet import quiet

UPPER = """#!/usr/bin/env python3
import hashlib, json, sys
for line in sys.stdin:
    job = json.loads(line)
    print(json.dumps({"job": job["job"], "payload": hashlib.sha256(job["payload"].encode()).hexdigest()}), flush=True)
"""

with Bench() as b:
    path = b.file("upper", UPPER)
    os.chmod(path, 0o755)
    proxy = b.proxy(options=["--narrate", "no", "--queue-timeout", "60s"])
    server = b.server("1", "111", proxy, options=["--job", "x", "--handler", "exec", f"--handler-command={path}", "--handler-processes", "2",
                                                  "--handler-max-jobs", "50", "--handler-repeatable", "no", "--narrate", "no"])
    first = {p["pid"] for p in ctl(server.socket, "handlers")}

    def asked_until_all_are_replaced():
        status, got = client_json(proxy, "--policy", "111", "--size", 60, "--vary", "--expect", "sha256", "--count", 300, "--parallel", 8)
        assert status == 0 and got["correct"] == got["sent"] == 300, got
        told = ctl(server.socket, "handlers")
        return not first & {p["pid"] for p in told} and all(p["pid"] for p in told) and told

    told = wait_until(asked_until_all_are_replaced, "all processes are replaced")
    assert sum(p["restarts"] for p in told) >= len(first) == 4, told
    assert {p["last_end"] for p in told} == {"max-jobs"}, told
    each_end_is_told(server, "max-jobs", "1")
    quiet(proxy, server)
