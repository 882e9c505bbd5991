"""A server that is drained is 0 in "up" and not gone; readiness ends with the last server that may take requests; errors are among
the requests; a latency that is the client's has the queue in it."""
import threading
import urllib.error
import urllib.request
from lib import exposition, pooled
from lib.bench import Bench, Peer, ask, correct, ctl_run, request, wait_until

with Bench() as b:
    proxy = b.proxy(options=["--admin", "0", "--narrate", "no"])
    port = proxy.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1]

    def get(path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def metrics():
        return exposition.read(get("/metrics")[1])

    assert get("/readyz") == (200, "ready\n"), "servers join through it"
    gate = threading.Event()
    server = pooled.Server(proxy, "1", pipeline=1, slots=1, gate=gate)
    assert exposition.one(metrics(), "policypool_server_state", server="1", state="up") == 0
    with Peer(proxy, seconds=30) as first, Peer(proxy, seconds=30) as second:
        for p in (first, second):
            p.send(request())
        wait_until(lambda: len(server.requests) == 1, "one is there and one waits")
        threading.Event().wait(0.6)
        gate.set()
        assert correct(first.read()) and correct(second.read())
    assert ask(proxy, policy="nobody")["code"] == "unknown-policy"
    told = metrics()
    latency = told["policypool_latency_seconds"]
    assert latency[("_count",)] == 3 and latency[("_sum",)] >= 1.2, latency
    assert told["policypool_server_latency_seconds"]["_sum", ("policy", "111"), ("server", "1")] < 1.2
    assert exposition.one(told, "policypool_requests_total") == 3 and exposition.one(told, "policypool_errors_total") == 1
    assert exposition.one(told, "policypool_server_state", server="1", state="up") == 1
    assert ctl_run("-s", proxy.socket, "drain", "1")[0] == 0
    told = metrics()
    assert exposition.one(told, "policypool_server_state", server="1", state="up") == 0
    assert exposition.one(told, "policypool_server_state", server="1", state="draining") == 1
    assert get("/readyz") == (503, "every server is draining or disabled\n")
    other = pooled.Server(proxy, "2")
    assert get("/readyz")[0] == 200
    server.stop()
    other.stop()
