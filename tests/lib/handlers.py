"""Servers with a handler of the scenario: a program in Python that answers jobs, line by line."""
import os

from lib.bench import FOLDER, ctl, wait_until

HEAD = """import json, os, random, signal, sys, time
def answer(job, **what):
    print(json.dumps({"job": job["job"], **what}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    text = job["payload"]
    if job["job"] == 0:
        answer(job, payload="")
        continue
"""


def python(body, name="handler.py"):
    """The path of a handler that does `body` for each job: `job` is the request, `text` its payload."""
    path = os.path.join(FOLDER, name)
    with open(path, "w") as f:
        f.write(HEAD + "".join(f"    {line}\n" for line in body.strip().splitlines()))
    return path


UPPER = "answer(job, payload=text.upper())"

# As the first word of a payload says; with PPOOL_sick in its environment, and such a file there, it ends with every job.
OBEY = """
word, _, rest = text.partition(" ")
if os.path.exists(os.environ.get("PPOOL_sick", "/nonexistent")):
    os._exit(7)
if word == "signal":
    os.kill(os.getpid(), int(rest))
if word == "hang":
    time.sleep(1e6)
if word == "error":
    answer(job, error=rest)
else:
    answer(job, payload=text.upper())
"""


def server(bench, body, proxy=None, id="100", policy="111", processes=1, workers=1, options=(), **more):
    return bench.server(id, policy, proxy, workers=workers, **more,
                        options=("--handler", "exec", "--handler-command", f"python3,{python(body, f'handler-{id}.py')}",
                                 "--handler-processes", processes, *options))


def failed(server):
    """The lines of jobs that failed or were refused, as {srcid: cause}."""
    found = {}
    for line in server.output.splitlines():
        if 'msg="job failed"' in line or 'msg="job refused"' in line:
            words = dict(w.split("=", 1) for w in line.split() if "=" in w)
            assert words["srcid"] not in found, f"told twice: {line}"
            found[words["srcid"]] = words["cause"]
    return found


def processes(server):
    return ctl(server.socket, "handlers")


def idle(server, n):
    wait_until(lambda: [p["state"] for p in processes(server)].count("idle") == n, f"{n} idle job processes")
