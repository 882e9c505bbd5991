import json
import subprocess
from lib import plain
from lib.bench import PROGRAMS, SLOW, Bench, ctl, wait_until
from lib.certificates import authority, issue, listening


def load(port, *argv):
    done = subprocess.run([f"{PROGRAMS}/bench/load", "--port", str(port), "--count", "200", *argv], capture_output=True, text=True,
                          timeout=60 * SLOW)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def lie(server, connection, request):
    answer = plain.reply(server.id, request)
    connection.sendall(json.dumps({**answer, "payload": "0" * 40}).encode())


with Bench() as b:
    proxy = b.proxy(options=listening(issue("pool", authority()), "optional"))
    b.server("1", "111", proxy)
    for shape in ((), ("--connections", "8", "--loads", "3"), ("--connections", "8", "--in-flight", "16"), ("--connections", "4", "--one-a-connection"),
                  ("--connections", "4", "--size", "100000")):
        status, got = load(proxy.port, *shape)
        assert status == 0 and got["requests"] == got["all"] == 200 and got["wrong"] == got["failed"] == 0, (shape, got)
        before = ctl(proxy.socket, "status")["tls_handshakes"]
        status, got = load(proxy.port, "--tls", *shape)
        assert status == 0 and got["requests"] == got["all"] == 200 and got["wrong"] == got["failed"] == 0, (shape, got)
        made = ctl(proxy.socket, "status")["tls_handshakes"] - before
        assert made == (200 if "--one-a-connection" in shape else int(dict(zip(shape, shape[1:])).get("--connections", made))), made
    for resume in ((), ("--resume",)):
        status, got = load(proxy.port, "--tls", "--connections", "4", "--one-a-connection", *resume)
        assert status == 0 and got["requests"] == 200 and (got["resumed"] >= 100 if resume else got["resumed"] == 0), got
    status, got = load(proxy.port, "--name", "nobody")
    assert status == 1 and got["refused"] == 200 and got["requests"] == got["wrong"] == 0, got

    liar = plain.Server(proxy.port, id="2", policy="222", behave=lie)
    wait_until(lambda: load(proxy.port, "--name", "222", "--count", "1")[1]["wrong"] == 1, "the liar is registered")
    status, got = load(proxy.port, "--name", "222")
    assert status == 1 and got["wrong"] == 200 and got["requests"] == 0, got
    liar.stop()
