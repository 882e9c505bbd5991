"""exec-once: payload in, reply out, the job's environment, errors by status and signal, a reply without end, a program that
outlives its job's time: its whole group is gone, and no process or descriptor is left."""
import base64
import hashlib
import os
from lib.bench import Bench, client, ctl, runs, wait_until
from lib.job_options import answer, options, pipes

PROGRAM = """#!/bin/sh
payload=$(cat)
case $payload in
env) echo "$PPOOL_POLICY $PPOOL_SRCID $PPOOL_word ${HOME-no home}";;
status) exit 3;;
signal) kill -SEGV $$;;
endless) yes;;
latin) printf 'caf\\351';;
left) sleep 1000 & echo $!;;
hang) sleep 1001 & echo "child $!" >&2; wait;;
deaf) exec <&-; echo deaf;;
*) printf %s "$payload" | tr a-z A-Z;;
esac
"""

with Bench() as b:
    path = b.file("once", PROGRAM)
    os.chmod(path, 0o755)
    proxy = b.proxy()
    server = b.server("1", "111", proxy, options=options(handler="exec-once", handler_command=path, handler_setting="word=set",
                                                          handler_max_reply=100000, handler_strikes=0))
    filter = b.server("2", "222", proxy, options=options(handler="exec-once", handler_command=["tr", "a-z", "A-Z"]))
    assert answer(proxy, "hello") == "HELLO"
    before = pipes(server)
    assert answer(proxy, "env") == "111 1 set no home\n"
    assert "status 3" in answer(proxy, "status")
    assert "signal 11 SEGV" in answer(proxy, "signal")
    assert "handler_max_reply" in answer(proxy, "endless")
    assert "no UTF-8" in answer(proxy, "latin")
    assert answer(proxy, "deaf") == "deaf\n"
    left = int(answer(proxy, "left"))
    wait_until(lambda: not runs(left), "what it has left behind is gone")
    sent = base64.b64encode(b"\xffab\n").decode()
    assert base64.b64decode(answer(proxy, sent, "222", encoding="base64")) == b"\xffAB\n"
    assert answer(proxy, "x" * 50000, "222") == "X" * 50000
    status, out, err = client(proxy, "--policy", "222", "--payload", "x", "--expect", "none", "--count", "300", "--parallel", "4")
    assert status == 0, (out, err)
    assert pipes(server) == before

    digest = b.file("digest", "#!/bin/sh\nsha256sum | cut -c1-64 | tr -d '\\n'\n")
    os.chmod(digest, 0o755)
    b.server("4", "444", proxy, options=options(handler="exec-once", handler_command=digest, job="sha256"))
    assert answer(proxy, "hello", "444") == hashlib.sha256(b"hello").hexdigest()
    assert answer(proxy, sent, "444", encoding="base64") == hashlib.sha256(b"\xffab\n").hexdigest(), "bytes have digits for a digest too"

    hanging = b.server("3", "333", proxy, options=options(handler="exec-once", handler_command=path, job_timeout="300ms", handler_grace="200ms"))
    said = answer(proxy, "hang", "333")
    assert said.startswith("handler-timeout"), said
    child = int(hanging.wait_for(r"child (\d+)")[1])
    wait_until(lambda: not runs(child), "the program's child is gone")
    wait_until(lambda: answer(proxy, "hello", "333") == "HELLO", "a process that serves")
    assert hanging.stop() == 0
