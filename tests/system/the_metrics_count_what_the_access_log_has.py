"""100,000 requests while a server's workers are killed, one server is lost and another lies: requests, errors by code, and what
each server served are in the metrics exactly as often as in the access log."""
import contextlib
import os
import re
import signal
import subprocess
import urllib.request
from collections import Counter
from lib.bench import FOLDER, PROGRAMS, Bench, ask, correct, ctl, wait_until
from lib.plain import Server
from lib import exposition

LOG = os.path.join(FOLDER, "access.log")
FIELD = {name: re.compile(rf' {name}=(?:"((?:[^"\\]|\\.)*)"|(\S*))') for name in ("outcome", "server", "policy")}


def field(line, name):
    m = FIELD[name].search(line)
    return m and (m[1] if m[1] is not None else m[2])


def logged():
    """(outcomes, requests served by each server)."""
    outcomes, served = Counter(), Counter()
    with open(LOG) as f:
        for line in f:
            outcomes[field(line, "outcome")] += 1
            if field(line, "outcome") == "ok":
                served[field(line, "server")] += 1
    return outcomes, served


def serving(daemon):
    return [w["pid"] for w in ctl(daemon.socket, "workers") if w["state"] == "ready"]


def metrics(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return exposition.read(answer.read().decode())


def load(proxy, policy, count):
    return subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", policy, "--size", "64", "--vary", "--json",
                             "--count", str(count), "--parallel", "16", "--pipeline", "4"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


quiet = ["--narrate", "no"]
with Bench() as b:
    proxy = b.proxy(options=["--admin", "0", "--access-log", "all", "--access-log-file", LOG, "--queue-timeout", "500ms", *quiet])
    port = proxy.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1]
    steady, shaken, lost = (b.server(id, "111", proxy, options=quiet) for id in ("1", "2", "3"))
    liar = Server(proxy.port, id="4", policy="444", behave=lambda server, connection, message: connection.sendall(b"no packet"))
    proxy.wait_server("4")
    running = load(proxy, "111", 99000)
    for _ in range(20):
        with contextlib.suppress(ProcessLookupError):  # still shown, and gone since
            os.kill(wait_until(lambda: serving(shaken), "a worker to kill")[0], signal.SIGKILL)
    os.killpg(lost.pid, signal.SIGKILL)
    assert {ask(proxy, policy="nobody")["code"] for _ in range(500)} == {"unknown-policy"}
    assert ask(proxy, policy="444")["code"] in ("upstream-failed", "no-server", "timeout")
    assert all(ask(proxy, data=b'{"type":"7"}\n')["code"] == "bad-message" for _ in range(498))
    out, _ = running.communicate(timeout=600)
    assert running.returncode in (0, 1), out
    assert correct(ask(proxy))
    wait_until(lambda: ctl(proxy.socket, "status")["in_flight"] == 0, "all is answered")
    told = metrics(port)
    total = exposition.one(told, "policypool_requests_total")
    wait_until(lambda: sum(logged()[0].values()) == total, f"{total} lines")
    outcomes, served = logged()
    assert total >= 100000 and outcomes["ok"] == total - exposition.one(told, "policypool_errors_total"), (total, outcomes)
    codes = {dict(w)["code"]: n for w, n in told["policypool_answered_errors_total"].items() if n}
    assert codes == {c: n for c, n in outcomes.items() if c != "ok"}, (codes, outcomes)
    assert codes["unknown-policy"] == 500 and codes["bad-message"] == 498, codes
    for id in ("1", "2", "3"):
        where = dict(policy="111", server=id)
        if tuple(sorted(where.items())) in told["policypool_server_served_total"]:
            assert exposition.one(told, "policypool_server_served_total", **where) == served[id], (id, served)
            assert told["policypool_server_latency_seconds"]["_count", ("policy", "111"), ("server", id)] == served[id]
    assert exposition.one(told, "policypool_server_failed_total", server="2") > 0
