"""exec-once: a program that fails, crashes, hangs, writes without end, leaves others behind that hold its output, or does not read."""
import os
from lib.bench import Bench, client, wait_until
from lib.misbehaving import PROXY, TIMEOUT, each_end_is_told, failure_is_told, processes, settings, under_load
from lib.quiet import books, quiet

SCRIPT = """#!/bin/sh
payload=$(head -c 100)
case $payload in
sick:exit) exit 3 ;;
sick:segfault) kill -SEGV $$ ;;
sick:hangs) exec sleep 4321 ;;
sick:endless) exec yes ;;
sick:holds) sleep 4321 & printf held ;;
sick:leaves) setsid sleep 4321 & printf left ;;
sick:latin) printf 'caf\\351' ;;
sick:shouts) yes | tr -d "\\n" | head -c 8000000 >&2; printf shouted ;;
*) printf %s "$payload" | sha256sum | { read -r digest rest; printf %s "$digest"; } ;;
esac
"""
FAILED = {"handler-failed"}
MODES = {"exit": FAILED, "segfault": FAILED, "hangs": {"handler-timeout", "handler-failed"}, "endless": FAILED, "holds": {"answered"}, "leaves": {"answered"},
         "latin": FAILED, "shouts": {"answered", "handler-timeout", "handler-failed"}}


def sleepers():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f, open(f"/proc/{pid}/environ", "rb") as e:
                if f.read() == b"sleep\0004321\000" and f"PPOOL_mark={os.getpid()}".encode() in e.read():
                    found.append(pid)
        except OSError:
            continue
    return found


with Bench() as b:
    path = b.file("once", SCRIPT)
    os.chmod(path, 0o755)
    proxy = b.proxy(options=PROXY)
    server = b.server("100", "111", proxy, options=settings(handler="exec-once", handler_command=path, timeout=4 * TIMEOUT, log_level="debug", handler_setting=f"mark={os.getpid()}"))
    processes(server)
    before = books(server)
    for mode, told in MODES.items():
        since = len(server.output)
        got = under_load(proxy, f"sick:{mode}", healthy=150, sick=32)
        assert got and set(got) <= told, (mode, got)
        # An error of the program is the job's answer, and said at debug only: whoever asks for it can ask again and again.
        if told == FAILED or "handler-timeout" in got:
            failure_is_told(server, "ill", "timeout" if "handler-timeout" in got else "refused", since=since)
        if "handler-timeout" in got:
            each_end_is_told(server, "timeout", "ill", since=since)
        wait_until(lambda: not sleepers(), f"what {mode} has left behind ends")
    with open(b.file("large", ""), "w") as f:
        f.write("sick:exit".ljust(900000))
    status, out, err = client(proxy, "--policy", "111", "--payload-file", "large", "--expect", "none")
    assert status == 0, (status, out, err)
    quiet(proxy)
    quiet(server, since=before)
