"""A handler that ends with every job makes its server overloaded and degraded: /readyz, ppool-ctl status and the service manager
say so, and requests go to the other server, without an error once that is known; when it is well again it serves as before."""
import os
import socket
import urllib.error
import urllib.request
from lib import handlers
from lib.bench import FOLDER, Bench, ask, ctl, ctl_run, wait_until


def readiness(server):
    port = server.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(os.path.join(FOLDER, "notify"))
manager.setblocking(False)


def manager_hears(*words):
    try:
        while not all(w in (said := manager.recv(4096).decode()) for w in words):
            continue
        return said
    except BlockingIOError:
        return None


with Bench() as b:
    proxy = b.proxy(workers=1)
    sick = os.path.join(FOLDER, "sick")
    os.environ["NOTIFY_SOCKET"] = os.path.join(FOLDER, "notify")
    broken = handlers.server(b, handlers.OBEY, proxy, "broken", "job", options=["--job", "obey", "--admin", "0", "--handler-setting", f"sick={sick}"])
    del os.environ["NOTIFY_SOCKET"]
    sound = handlers.server(b, handlers.OBEY, proxy, "sound", "job", processes=4, options=["--job", "obey"])
    for s, n in ((broken, 1), (sound, 4)):
        handlers.idle(s, n)
    open(sick, "w").close()
    n = iter(range(100000))

    def degraded():
        ask(proxy, policy="job", payload=f"job {next(n)}")
        return ctl(broken.socket, "status")["state"] == "degraded"
    wait_until(degraded, "the broken handler's server is degraded", 60)
    status = ctl(broken.socket, "status")
    assert status["handler_degraded"], status
    told = ctl_run("-s", broken.socket, "status")[1].splitlines()
    assert any(line.split() == ["state", "degraded"] for line in told) and any("handler_degraded" in line for line in told), told
    wait_until(lambda: manager_hears("STATUS=degraded: 1 of 1 workers ready; the handler fails: "), "the service manager is told")
    code, why = readiness(broken)
    assert code == 503 and "the handler fails" in why, (code, why)
    answered = [ask(proxy, policy="job", payload=f"job {next(n)}") for _ in range(50)]
    failed = [a for a in answered if a["type"] != "2"]
    assert len(failed) <= 5, ("one trial a pause at most", failed[:5])
    os.remove(sick)

    def well():
        got = ask(proxy, policy="job", payload=f"job {next(n)}")
        return ctl(broken.socket, "status")["state"] == "running" and got["srcid"] == "broken"
    wait_until(well, "it serves again", 60)
    assert readiness(broken) == (200, "ready\n")
    wait_until(lambda: manager_hears("STATUS=running: 1 of 1 workers ready"), "and of that")
