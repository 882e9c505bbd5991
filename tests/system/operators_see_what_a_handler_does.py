"""ppool-ctl handlers: the processes, the job in hand with its client and age, how the last one ended; the same in metrics, status
and page; a server without a handler, and a proxy, say that there is nothing of the kind."""
import json
import urllib.request
from lib import exposition, handlers
from lib.bench import Bench, Peer, ask, ctl, ctl_run, request, wait_until


def get(server, path):
    port = server.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read().decode()


with Bench() as b:
    proxy = b.proxy()
    server = handlers.server(b, handlers.OBEY, proxy, policy="job", processes=2, options=["--job", "obey", "--job-timeout", "2s", "--admin", "0"])
    handlers.idle(server, 2)
    assert ask(proxy, policy="job", payload="hello")["payload"] == "HELLO"
    assert ask(proxy, policy="job", payload="error no such thing")["code"] == "handler-failed"
    with Peer(proxy) as p:
        p.send(request(policy="job", payload="hang", srcid="client-7"))
        busy = wait_until(lambda: [h for h in handlers.processes(server) if h["state"] == "busy"], "a busy process")[0]
        assert busy["client"] == "client-7" and busy["job_age_s"] >= 0 and busy["pid"] > 0 and busy["rss_kib"] > 0, busy
        status, out, err = ctl_run("-s", server.socket, "handlers")
        assert status == 0 and out.split()[:5] == ["WORKER", "PROCESS", "PID", "STATE", "AGE"] and "client-7" in out, out
        told = exposition.read(get(server, "/metrics"))
        assert exposition.one(told, "policypool_job_processes", state="busy") == 1
        assert p.read()["code"] == "handler-timeout"
    after = wait_until(lambda: [h for h in handlers.processes(server) if h["last_end"]], "an end that is told")[0]
    assert after["last_end"] == "timeout" and after["last_exit"].startswith("signal") and after["restarts"] == 1, after
    handlers.idle(server, 2)
    told = exposition.read(get(server, "/metrics"))
    jobs = {dict(w)["outcome"]: n for w, n in told["policypool_jobs_total"].items()}
    assert (jobs["done"], jobs["refused"], jobs["timeout"], jobs["failed"]) == (1, 1, 1, 0), jobs
    assert told["policypool_job_seconds"][("_count",)] == 3
    assert exposition.one(told, "policypool_job_process_restarts_total", cause="timeout") == 1
    assert exposition.one(told, "policypool_job_queue") == 0 and exposition.one(told, "policypool_handler_degraded") == 0
    status = ctl(server.socket, "status")
    assert (status["job"], status["handler"], status["handler_degraded"]) == ("obey", "exec", None), status
    assert status["jobs"]["done"] == 1 and status["job_processes"]["idle"] == 2 and status["strikes"] == 1, status
    overview = json.loads(get(server, "/overview"))
    assert len(overview["handlers"]) == 2 and len(overview["strikes"]) == 1 and overview["status"]["job"] == "obey"
    assert "<!doctype html>" in get(server, "/")
    assert [s["job"] for s in ctl(proxy.socket, "servers")] == ["obey"]
    plain = b.server("s1", "111", proxy, options=["--admin", "0"])
    for verb in ("handlers", "strikes"):
        status, out, err = ctl_run("-s", plain.socket, verb)
        assert status == 1 and "no handler" in err, (verb, status, err)
        status, out, err = ctl_run("-s", proxy.socket, verb)
        assert status == 1 and "a command of servers: name one with -i" in err, (verb, status, err)
    assert "policypool_jobs_total" not in get(plain, "/metrics") and json.loads(get(plain, "/overview"))["handlers"] is None
    plain.stop()
    status, out, err = ctl_run("--runtime-dir", b.runtime, "handlers")
    assert status == 0 and "idle" in out, ("the only server is meant", status, out, err)
