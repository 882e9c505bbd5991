"""A module that crashes, ends, hangs, gives pointers to nowhere or makes calls that it may not, while others ask it for work."""
import os
import shutil
from lib.bench import FOLDER, PROGRAMS, SLOW, Bench
from lib.misbehaving import PARALLEL, PROXY, TIMEOUT, each_end_is_told, failure_is_told, outcome, processes, settings, start_client
from lib.quiet import books, quiet

FAILED, LATE = {"handler-failed"}, {"handler-timeout", "handler-failed"}
MODES = {"segfault": FAILED, "abort": FAILED, "exit": FAILED, "loop": LATE, "huge": FAILED, "null": FAILED, "wild": FAILED, "latin": FAILED, "nothing": FAILED}
LIVE = {"huge", "null", "latin", "nothing"}  # a reply that is none is an error of the job, and the process goes on
if SLOW == 1:  # under a sanitizer nothing is filtered
    MODES |= {call: FAILED for call in ("socket", "open", "fork", "code")}

module = shutil.copy(f"{PROGRAMS}/modules/sick.so", FOLDER)
os.chmod(module, 0o755)
with Bench() as b:
    wanted = b.file("wanted", "0 9999")
    proxy = b.proxy(options=PROXY)
    server = b.server("100", "111", proxy, options=settings(handler="module", handler_command=None, handler_module=module, timeout=2 * TIMEOUT))
    processes(server)
    start = outcome(start_client(proxy, "-id", "well", "--policy", "111", "--payload", "work", "--expect", f"file:{wanted}", "--count", 1))
    assert start["correct"] == 1, start  # the same payload of all is known to be harmless
    before = books(server)
    for mode, told in MODES.items():
        since = len(server.output)
        others = start_client(proxy, "-id", "well", "--policy", "111", "--payload", "work", "--expect", f"file:{wanted}", "--count", 300, "--parallel", PARALLEL)
        ill = outcome(start_client(proxy, "-id", "ill", "--policy", "111", "--payload", mode, "--expect", "none", "--count", 40, "--parallel", PARALLEL))
        well = outcome(others)
        assert well["correct"] == 300, (mode, well)
        assert ill["errors"].pop("overloaded", 0) < 40, (mode, ill)  # while the same payload takes unusually long
        assert ill["sent"] == 40 and not ill["failed"] and not ill["correct"] and set(ill["errors"]) <= told, (mode, ill)
        if mode not in LIVE:
            failure_is_told(server, "ill", "timeout" if mode == "loop" else "failed", since=since)
            each_end_is_told(server, "timeout" if mode == "loop" else "ended", "ill", since=since)
    processes(server)
    quiet(proxy)
    quiet(server, since=before)
