import json
import subprocess
import threading
from lib.bench import PROGRAMS, Bench, Peer, correct, ctl, ctl_run, request, wait_until
from lib.plain import Server, reply

with Bench() as b:
    proxy = b.proxy()
    let_go = threading.Event()

    def answer_late(server, connection, message):
        let_go.wait(30)
        connection.sendall(json.dumps(reply(server.id, message)).encode())

    hold = Server(proxy.port, behave=answer_late)
    proxy.wait_server("1")
    with Peer(proxy) as p:
        p.send(request())
        wait_until(lambda: proxy.servers()["1"]["in_flight"] == 1, "the request in flight")
        ctl(proxy.socket, "drain", "1")
        status, _, err = ctl_run("-s", proxy.socket, "wait", "1", "0")
        assert status == 1 and "1 still in flight" in err, (status, err)
        waiting = subprocess.Popen([f"{PROGRAMS}/ppool-ctl", "-s", proxy.socket, "wait", "1"], stdout=subprocess.PIPE, text=True)
        gone = subprocess.Popen([f"{PROGRAMS}/ppool-ctl", "-s", proxy.socket, "wait", "1"], stdout=subprocess.PIPE, text=True)
        gone.kill()
        gone.communicate()
        assert proxy.servers()["1"]["state"] == "draining", "the control socket answers others meanwhile"
        assert waiting.poll() is None, "it returned while the request was in flight"
        let_go.set()
        assert correct(p.read())
        out, _ = waiting.communicate(timeout=20)
        assert waiting.returncode == 0 and "in_flight" in out, out
    hold.stop()
