"""A module that is ended by a signal, or that ends itself: its client gets an error with the cause, others get their replies, the
payload is refused after two strikes, and descriptors stay as many as they were."""
import threading
from lib.bench import SLOW, Bench, client_json, ctl, wait_until
from lib.job_options import answer, module_options, pipes
from lib.needs import skip

if SLOW != 1:
    skip("calls of a module are not filtered under a sanitizer or valgrind, and its crashes are the sanitizer's")

with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy, options=module_options("sick", handler_processes=2))
    assert answer(proxy, "work") == "0 9999"
    before = pipes(server)
    summary = []
    others = threading.Thread(target=lambda: summary.append(client_json(
        proxy, "--policy", "111", "--payload", "work", "--expect", "none", "--count", "3000", "--parallel", "8")))
    others.start()
    for payload, cause in (("segfault", "signal 11"), ("abort", "signal 6"), ("exit", "status 0")):
        said = answer(proxy, payload)
        assert said.startswith("handler-failed") and cause in said, (payload, said)
        answer(proxy, payload)
        said = answer(proxy, payload)
        assert "not run: this payload" in said, said
    others.join()
    status, s = summary[0]
    assert status == 0 and s["wrong"] == 0 and s["failed"] == 0, s
    wait_until(lambda: answer(proxy, "work") == "0 9999", "all is well")
    wait_until(lambda: sum(h["state"] == "idle" for h in ctl(server.socket, "handlers")) == 4, "all processes")
    assert pipes(server) == before, (before, pipes(server))
