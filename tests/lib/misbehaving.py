"""A server whose handler does what payloads ask of it (lib/sick.py), and load on it of which half asks for a misbehaviour."""
import json
import os
import re
import shutil
import subprocess
from lib.bench import FOLDER, PATIENCE, PROGRAMS, SLOW, ctl, wait_until

SICK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sick.py")
TIMEOUT = 0.5 * SLOW  # seconds of a job, where it does not answer
PROXY = ["--narrate", "no", "--queue-timeout", "60s", "--reply-timeout", "60s", "--request-timeout", "120s"]  # whoever waits is given the time to
PARALLEL = 32         # connections of the healthy, and as many of the others


def program(name="sick.py"):
    """A copy of the handler where job processes may read it, whoever they are."""
    path = os.path.join(FOLDER, name)
    if not os.path.exists(path):
        shutil.copy(SICK, path)
        os.chmod(path, 0o755)
    return path


def settings(processes=2, timeout=None, **more):
    """Options of a server with the sick handler."""
    keys = {"job": "sick", "handler": "exec", "handler_command": f"/usr/bin/python3,{program()}", "handler_processes": processes,
            "job_timeout": f"{1000 * (timeout or 20 * SLOW):.0f}ms", "handler_grace": "100ms", **more}
    return ["--narrate", "no"] + ["--" + key.replace("_", "-") + ("" if value is True else f"={value}") for key, value in keys.items() if value is not None]


def handlers(server):
    return ctl(server.socket, "handlers")


def processes(server):
    """Those that do jobs, once all of them are up: {pid}."""
    def up():
        told = handlers(server)
        return {p["pid"] for p in told} if told and all(p["state"] in ("idle", "busy") for p in told) else None
    try:
        return wait_until(up, f"the job processes of {server.id}", seconds=60)
    except AssertionError as e:
        raise AssertionError(f"{e}: {handlers(server)}") from None


def start_client(proxy, *argv):
    return subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--json", "--resend", "no", "--timeout", f"{60 * PATIENCE:.0f}s",
                             *map(str, argv)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=FOLDER)


def outcome(client, seconds=120):
    out, err = client.communicate(timeout=seconds * PATIENCE)
    assert out, f"no summary: {client.returncode} {err}"
    return json.loads(out)


def under_load(proxy, payload, healthy=400, sick=60, policy="111"):
    """Half of the connections ask for the misbehaviour while the others want digests of payloads of their own: each of these has to
    be right, and each of the sick has one answer.  What became of the sick ones that were run, or refused for what
    they did: {error code or "answered": n}.

    On a machine that has much else to do another process may need longer to start than a server makes anybody wait: then it says
    so, and nobody's request was run.  Nor are those run that come while the same payload takes unusually long."""
    others = start_client(proxy, "-id", "well", "--policy", policy, "--size", 60, "--vary", "--expect", "sha256", "--count", healthy,
                          "--parallel", PARALLEL)
    ill = outcome(start_client(proxy, "-id", "ill", "--policy", policy, "--payload", payload, "--expect", "none", "--count", sick,
                               "--parallel", min(PARALLEL, sick)))
    well = outcome(others)
    told = well["errors"].get("overloaded", 0)
    assert well["sent"] == healthy and well["correct"] == healthy - told and told <= healthy // 10, (payload, well)
    assert ill["sent"] == sick and not ill["failed"] and not ill["stray"] and not ill["wrong"], (payload, ill)
    assert ill["errors"].pop("overloaded", 0) < sick, (payload, ill)
    return {**ill["errors"], **({"answered": ill["correct"]} if ill["correct"] else {})}


def lines(server, *words, since=0):
    """Of its log, from that place in it on, those with all the words."""
    return [line for line in server.output[since:].splitlines() if all(w in line for w in words)]


END = re.compile(r"worker=\d+ process=\d+ process_pid=(?P<pid>\d+) cause=(?P<cause>[a-z-]+) srcid=(?P<srcid>\S+) exit=(?P<exit>.*)")


def failure_is_told(server, srcid, *causes, since=0):
    """A job that failed is a line with its client and one of these causes, from that place in the log on."""
    def told():
        return [line for line in lines(server, 'msg="job failed"', f" srcid={srcid} ", since=since) if any(f" cause={c} " in line for c in causes)]
    wait_until(told, f"a line of a job of {srcid} that failed, its cause one of {causes}", seconds=30)


def each_end_is_told(server, cause=None, srcid=None, exit="", since=0):
    """Each end of a job process is one line with cause and srcid, and one at least, from that place in the log on, is of these."""
    def ends():
        return [END.search(line) for line in lines(server, 'msg="job process ended"')]

    def all_told():
        later = [END.search(line) for line in lines(server, 'msg="job process ended"', since=since)]
        return len(ends()) >= sum(p["restarts"] for p in handlers(server)) and (cause is None or any(
            e and e["cause"] == cause and e["srcid"] == (srcid or e["srcid"]) and exit in e["exit"] for e in later))
    try:
        wait_until(all_told, f"a line for each end, and one of {cause} {srcid} {exit}", seconds=30)
    finally:
        told = lines(server, 'msg="job process ended"')
        assert all(ends()), told
        # By the moment as well: on a busy machine a pid comes again within a minute.
        assert len({(e["pid"], line.split()[0]) for e, line in zip(ends(), told)}) == len(told), f"told twice: {told}"


def leftovers():
    """Processes that run the sick handler: {pid}."""
    found = set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as f:
                if program().encode() in f.read():
                    found.add(int(entry))
        except OSError:
            continue
    return found


def nothing_left_but(server):
    """The job processes are all that run the handler: what they have started has ended."""
    def rest():
        told = processes(server)
        return leftovers() == told
    wait_until(rest, "what job processes have started ends", seconds=30)
