from lib.bench import Bench, ask, correct, ctl, wait_until, workers

with Bench() as b:
    server = b.server("1", "111", None, options=["--worker-max-memory", "1K"])
    before = set(workers(server))
    wait_until(lambda: len(set(workers(server)) - before) == 2, "all are new")
    server.wait_for("worker recycled.*worker_max_memory")
    assert correct(ask(server))
