"""One worker of four has a handler that is always busy, or ends with every job: what its worker declines waits in the proxy and is run by the
others.  No client is told that the server is overloaded, and only what the broken one was given to try has failed."""
import os
from lib import handlers
from lib.bench import PATIENCE, Bench, client_json, ctl, reload

HANDLER = """import fcntl, json, os, sys, time
lock = open(os.environ["PPOOL_lock"], "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    broken = True
except OSError:
    broken = False
for line in sys.stdin:
    job = json.loads(line)
    answer = {"job": job["job"]}
    if job["job"] > 0 and broken:
        if os.environ["PPOOL_how"] == "ends":
            os._exit(7)
        answer["busy"] = 50
    else:
        answer["payload"] = job["payload"].upper()
    print(json.dumps(answer), flush=True)
"""
COUNT = 4000

with Bench() as b:
    proxy = b.proxy(options=["--queue-timeout", f"{10 * PATIENCE:.0f}s"])
    for how in ("busy", "ends"):
        lock = b.file(f"lock-{how}", "")
        os.chmod(lock, 0o666)
        server = b.server(how, how, proxy, workers=4, options=[
            "--narrate", "no", "--job", "broken", "--handler", "exec", "--handler-command", f"python3,{b.file(f'{how}.py', HANDLER)}",
            "--handler-setting", f"lock={lock},how={how}"])
        handlers.idle(server, 4)
        for _ in range(8):  # until one of the proxy's few connections is to that worker
            _, told = client_json(proxy, "--policy", how, "--size", 60, "--vary", "--expect", "none", "--count", COUNT, "--parallel", 32, seconds=120)
            errors = told["errors"]
            failed = errors.pop("handler-failed", 0)
            assert not errors and not told["failed"] and told["correct"] == COUNT - failed, told
            # Until it is known, and one now and then to see whether it is well again.
            assert failed <= (COUNT // 50 if how == "ends" else 0), told
            counts = next(p for p in ctl(proxy.socket, "policies") if p["policy"] == how)
            assert counts["held"] == counts["turned_away"], counts
            if counts["held"] > 0:
                break
            reload(proxy)
        assert counts["held"] > 0, counts
        assert proxy.servers()[how]["retried"] == 0, "no server has failed"
        server.stop()
