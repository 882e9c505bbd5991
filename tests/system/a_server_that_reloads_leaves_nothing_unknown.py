"""A handler that must not run twice behind a proxy, under load: the server reloads and is upgraded meanwhile, and no request is answered
that it is not known whether it ran, for a server that ends a connection says what it has not run.  Each ran once."""
import os
import sys
import threading
from lib.bench import Bench, client_json, reload

HANDLER = """
import json, os, sys
ran = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
for line in sys.stdin:
    job = json.loads(line)
    if job["job"]:
        os.write(ran, b"x")
    print(json.dumps({"job": job["job"], "payload": job["payload"].upper()}), flush=True)
"""

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--narrate", "no"])
    ran = b.file("ran", "")
    os.chmod(ran, 0o666)  # as root the handler runs as another user
    path = b.file("server.conf", f'handler = exec\nhandler_command = {{"{sys.executable}", "{b.file("upper.py", HANDLER)}", "{ran}"}}\n'
                                 'job = upper\nhandler_processes = 2\n')
    server = b.server("1", "111", proxy, workers=2, options=["-c", path, "--narrate", "no"])
    shown = proxy.servers()["1"]
    assert (shown["job"], shown["repeat"], shown["job_timeout_s"], shown["pipeline"], shown["slots"]) == ("upper", False, 5.0, 1, 8), shown

    def disturb():
        for turn in (reload, lambda s: s.upgrade(), reload, reload):
            turn(server)
    turns = threading.Thread(target=disturb)
    turns.start()
    count = 0
    while turns.is_alive() or count == 0:
        status, told = client_json(proxy, "--policy", "111", "--payload", "x", "--count", 500, "--parallel", 4, "--expect", "none",
                                   "--resend", "no", seconds=200)
        assert (told["correct"], told["refused"], told["failed"]) == (500, 0, 0), told
        count += 500
    turns.join()
    with open(ran) as f:
        assert len(f.read()) == count, "each once"
