"""Many clients send the same payload at once, on which the handler hangs: it never has more than half of the job processes, so others
are served long before job_timeout.  The same payload is answered by all processes where it is harmless."""
from lib.bench import SLOW, Bench
from lib.misbehaving import PARALLEL, PROXY, each_end_is_told, failure_is_told, outcome, processes, settings, start_client
from lib.quiet import quiet

TIMEOUT = 10 * SLOW  # seconds, in which all others are to be served

with Bench() as b:
    proxy = b.proxy(options=PROXY)
    server = b.server("100", "111", proxy, options=settings(timeout=TIMEOUT))
    processes(server)

    # The first of them is new to the server, too: all are answered.
    same = outcome(start_client(proxy, "-id", "same", "--policy", "111", "--payload", "harmless", "--expect", "sha256", "--count", 2000, "--parallel",
                                PARALLEL))
    assert same["correct"] == 2000, same

    ill = start_client(proxy, "-id", "ill", "--policy", "111", "--payload", "sick:mute", "--expect", "none", "--count", PARALLEL, "--parallel", PARALLEL)
    well = outcome(start_client(proxy, "-id", "well", "--policy", "111", "--size", 60, "--vary", "--expect", "sha256", "--count", 2000, "--parallel",
                                PARALLEL))
    assert well["correct"] == 2000, well
    assert well["latency_us"]["max"] < TIMEOUT * 1e6 / 2, f"others waited for a job that hung: {well}"
    told = outcome(ill)["errors"]
    # What is declined meanwhile waits in the proxy until the payload is refused for what it did.
    assert set(told) <= {"handler-timeout", "handler-failed", "overloaded"} and 1 <= told["handler-timeout"] <= 3, told
    failure_is_told(server, "ill", "timeout")
    each_end_is_told(server, "timeout", "ill")
    quiet(proxy, server)
