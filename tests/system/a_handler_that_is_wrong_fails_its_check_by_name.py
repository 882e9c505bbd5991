"""Each kind of a broken handler: the check that fails, what is said of it, and that the others are tried."""
import os
from lib.bench import PATIENCE, Bench, run

HEAD = """#!/usr/bin/env python3
import json, os, signal, sys, time
jobs = 0
def out(text):
    sys.stdout.write(text)
    sys.stdout.flush()
def fine(job, **more):
    out(json.dumps({"job": job["job"], "payload": job["payload"], **more}) + "\\n")
kept = []
for line in sys.stdin:
    job = json.loads(line)
    if job["job"] == 0:
        READY
        fine(job)
        continue
    jobs += 1
"""
# name: (what it does at a job, or instead of being ready; the check that fails; what is said)
BROKEN = {
    "silent": ("time.sleep(1000)", None, "start", "no answer after"),
    "dies-at-start": ("sys.exit(7)", None, "start", "ended with status 7 before it was ready"),
    "talks": ("print('starting up', flush=True)", None, "start", "starting up"),
    "crashes": (None, "os.kill(os.getpid(), signal.SIGSEGV)", "number", "was ended by signal 11"),
    "leaves": (None, "sys.exit(0)", "number", "ended with status 0 during the job"),
    "numbers": (None, "job['job'] = 1; fine(job)", "number", "was answered as job 1"),
    "cuts": (None, "out('{\"job\":'); time.sleep(1000)", "number", "half a line"),
    "garbage": (None, "out('Traceback (most recent call last)\\n')", "number", "Traceback"),
    "twice": (None, "out((json.dumps({'job': job['job'], 'payload': ''}) + '\\n') * 2)", "number", "without a job it says: {"),
    "latin": (None, "payload = job['payload'].encode('latin-1'); fine(job)", "emoji", "ended with status 1 during the job"),
    "empty": (None, "job['payload'][0]; fine(job)", "empty", "ended with status 1 during the job"),
    "chatty": (None, "fine(job); out('done\\n') if jobs > 50 else None", "growth", "done"),
    "leaks": (None, "kept.append(job['payload'] * 2); fine(job)", "growth", "grew by"),
}
with Bench() as b:
    for name, (ready, work, check, said) in BROKEN.items():
        path = b.file(name, HEAD.replace("READY", ready or "pass") + f"    {work or 'fine(job)'}\n")
        os.chmod(path, 0o755)
        limits = ["--job-timeout", "300ms" if name == "cuts" else f"{60 * PATIENCE:.0f}s",
                  "--handler-start-timeout", "300ms" if name == "silent" else f"{60 * PATIENCE:.0f}s"]
        status, out, err = run("ppool-handler", "check", *limits, path, seconds=120)
        failed = [line for line in out.splitlines() if line.startswith("FAIL")]
        assert status == 1 and failed, (name, status, out, err)
        assert failed[0].split()[1] == check and said in failed[0], (name, out, err)
        below = out.splitlines()[out.splitlines().index(failed[0]) + 1]
        assert below.startswith(" " * 8) and below.strip(), (name, out)
        if name in ("silent", "cuts"):
            assert ("handler_start_timeout" if name == "silent" else "job_timeout") in below, (name, out)
        assert out.rstrip().endswith("11 not tried" if check == "start" else "0 not tried"), (name, out)
    path = b.file("stays", HEAD.replace("READY", "pass") + "    fine(job)\ntime.sleep(1000)\n")
    os.chmod(path, 0o755)
    status, out, err = run("ppool-handler", "check", "--job-timeout", f"{60 * PATIENCE:.0f}s", path)
    assert status == 1 and "FAIL end" in out and "still runs 1000 ms after" in out and "11 ok, 1 failed" in out, (status, out, err)
