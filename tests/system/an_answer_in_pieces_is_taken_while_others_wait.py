"""A handler may write its answer in pieces, or a large one, while others wait: each is answered, and no process is ended for it."""
import os
from lib import handlers
from lib.bench import Bench, client_json, run

PIECES = """
line = json.dumps({"job": job["job"], "payload": text}) + "\\n"
for piece in line[:10], line[10:-1], line[-1:]:
    sys.stdout.write(piece)
    sys.stdout.flush()
    time.sleep(0.001)
"""
WHOLE = "answer(job, payload=text)"
QUEUE = ("--handler-queue", "16", "--narrate", "no")

with Bench() as b:
    for id, body, size in ("100", PIECES, 10), ("200", WHOLE, 200_000):
        server = handlers.server(b, body, id=id, policy=id, options=QUEUE)
        payload = b.file(f"payload-{id}", "x" * size)
        _, done = client_json(server, "--policy", id, "--payload-file", payload, "--expect", f"file:{payload}", "--count", 200, "--parallel", 4)
        assert (done["sent"], done["correct"]) == (200, 200), done
        assert [p["restarts"] for p in handlers.processes(server)] == [0], handlers.processes(server)
        assert "breaks the protocol" not in server.output, server.output
    program = b.file("pieces", "#!/usr/bin/env python3\n" + handlers.HEAD + "".join(f"    {line}\n" for line in PIECES.strip().splitlines()))
    os.chmod(program, 0o755)
    status, out, err = run("ppool-handler", "check", program, seconds=120)
    assert status == 0 and "12 checks: 12 ok" in out, (out, err)
