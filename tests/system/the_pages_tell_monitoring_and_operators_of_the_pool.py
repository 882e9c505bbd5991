"""/metrics as its format's strictest reader takes it, with the numbers that were; health and readiness as status codes;
the same data as ppool-ctl has, as JSON; on both daemons."""
import json
import urllib.error
import urllib.request
from lib.bench import Bench, ask, client_json, ctl, wait_until
from lib import exposition


def get(daemon, path, wanted=200):
    port = daemon.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            status, kind, body = answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as e:
        status, kind, body = e.code, e.headers["Content-Type"], e.read().decode()
    assert status == wanted, (path, status, body)
    return kind, body


with Bench() as b:
    proxy = b.proxy(options=["--admin", "0"])
    lonely = b.server("9", "111", None, options=["--admin", "0", "-revproc", "1"], wait=False)
    assert "not registered" in get(lonely, "/readyz", 503)[1] and get(lonely, "/healthz")[1] == "running\n"
    servers = {id: b.server(id, "111", proxy, options=["--admin", "0"]) for id in ("1", "2")}
    status, got = client_json(proxy, "--policy", "111", "--payload", "x", "--count", 4000, "--parallel", 8)
    assert status == 0 and got["correct"] == 4000, got
    for _ in range(3):
        assert ask(proxy, policy="nobody")["code"] == "unknown-policy"
    kind, text = get(proxy, "/metrics")
    assert kind == "text/plain; version=0.0.4; charset=utf-8", kind
    told = exposition.read(text)
    assert exposition.one(told, "policypool_requests_total") == 4003
    assert exposition.one(told, "policypool_errors_total") == 3
    assert exposition.one(told, "policypool_answered_errors_total", code="unknown-policy") == 3
    assert exposition.one(told, "policypool_answered_errors_total", code="timeout") == 0
    assert exposition.one(told, "policypool_timeouts_total", clock="queue") == 0
    assert exposition.one(told, "policypool_workers_ready") == 2
    served = {id: exposition.one(told, "policypool_server_served_total", policy="111", server=id) for id in servers}
    assert served == {"1": 2000, "2": 2000}, served
    for id in servers:
        states = {dict(w)["state"]: v for w, v in told["policypool_server_state"].items() if dict(w)["server"] == id}
        assert [s for s, v in states.items() if v == 1] == ["up"] and {"ejected", "draining", "down", "new"} < states.keys(), states
        where = (("policy", "111"), ("server", id))
        assert told["policypool_server_latency_seconds"]["_count", *where] == 2000
    assert told["policypool_policy_latency_seconds"]["_count", ("policy", "111")] == 4000
    assert exposition.one(told, "policypool_policy_servers", policy="111") == 2
    for path, verb in (("/servers", "servers"), ("/policies", "policies"), ("/events", "events")):
        kind, text = get(proxy, path)
        assert kind == "application/json", kind
        mine, theirs = json.loads(text), ctl(proxy.socket, verb)
        assert [(x.get("id"), x.get("policy")) for x in mine] == [(x.get("id"), x.get("policy")) for x in theirs], (mine, theirs)
    overview = json.loads(get(proxy, "/overview")[1])
    assert overview["status"]["requests"] == 4000 and sum(overview["servers"][0]["latency"]) == 2000
    assert "<!doctype html>" in get(proxy, "/")[1] and get(proxy, "/favicon", 404)
    listed = get(proxy, "/favicon", 404)[1].split()
    assert listed.count("/readyz") == listed.count("/healthz") == 1, listed
    assert get(proxy, "/readyz")[1] == "ready\n"
    for id, server in servers.items():
        told = exposition.read(get(server, "/metrics")[1])
        assert exposition.one(told, "policypool_requests_total") == 2000
        assert exposition.one(told, "policypool_registration_state", state="joined") == 1
        assert get(server, "/readyz")[1] == "ready\n"
    proxy.stop()
    wait_until(lambda: "not registered" in get(servers["1"], "/readyz", 503)[1], "the server knows that it is not registered")
