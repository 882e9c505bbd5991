"""TERM lets the job in hand end: its client gets the reply, and the server ends in order, its job processes with it."""
import os
import signal
import threading
from lib import handlers
from lib.bench import FOLDER, Bench, Peer, request, runs, wait_until

BODY = """
open(text, "w").write(str(os.getpid()))
while not os.path.exists(text + ".go"):
    time.sleep(0.01)
answer(job, payload="done")
"""

with Bench() as b:
    proxy = b.proxy()
    server = handlers.server(b, BODY, proxy, options=("--job-timeout", "1m", "--stop-timeout", "1m"))
    folder = os.path.join(FOLDER, "jobs")  # which the handler's user may write to
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    path = f"{folder}/job"
    with Peer(proxy, seconds=60) as p:
        p.send(request(payload=path))
        wait_until(lambda: os.path.exists(path) and open(path).read(), "the job begins")
        pid = int(open(path).read())
        server.send_signal(signal.SIGTERM)
        server.wait_for('msg="stopping"')
        threading.Event().wait(0.3)
        assert server.alive() and runs(pid)
        open(path + ".go", "w").close()
        assert p.read()["payload"] == "done"
    assert server.wait() == 0, server.output
    wait_until(lambda: not runs(pid), "the job process ends")
