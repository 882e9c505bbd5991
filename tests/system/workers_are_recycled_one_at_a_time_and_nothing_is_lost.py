from lib.bench import Bench, client_json, ctl, wait_until, workers

with Bench() as b:
    quiet = ["--narrate", "no", "--stop-timeout", "1s"]
    proxy = b.proxy(options=[*quiet, "--worker-max-requests", "2000"])
    server = b.server("1", "111", proxy, options=[*quiet, "--worker-max-requests", "2000"])
    before = set(workers(server)), set(workers(proxy))

    def load(count):
        status, got = client_json(proxy, "--policy", "111", "--count", count, "--parallel", 8, "--vary", "--size", 20, "--retries", "20")
        # The proxy's own workers end connections between two answers; the client sends again what was on its way.
        assert got["wrong"] == 0 and got["refused"] == 0 and got["correct"] == count, got

    load(60000)
    for daemon, old in ((server, before[0]), (proxy, before[1])):
        # The few connections to a server may all be one worker's: then the other has not had enough yet.
        for _ in range(20):
            if len(set(workers(daemon)) - old) == 2:
                break
            load(5000)
        wait_until(lambda: len(set(workers(daemon)) - old) == 2, "all are new")
        # The last of the old may still be finishing what it has.
        deaths = wait_until(lambda: (lambda d: len(d) >= 2 and d)(ctl(daemon.socket, "deaths")), "the end of the old")
        assert all(d["why"] == "on request" and d["exit"] == "code 0" for d in deaths), deaths
        daemon.wait_for("worker recycled.*worker_max_requests")
