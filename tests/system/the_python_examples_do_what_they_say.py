"""As they are installed, beside the module; the server leaves when it is told to end, and at once when it is told so again."""
import os
import re
import signal
import subprocess
import sys
from lib.bench import PATIENCE, Bench, Daemon, ask, wait_until
from lib.job_options import ROOT

FOLDER = f"{ROOT}/examples/clients/python"
ENV = dict(os.environ, PYTHONPATH=f"{ROOT}/clients/python")


def run(example, *argv, stdin=None):
    done = subprocess.run([sys.executable, f"{FOLDER}/{example}", *map(str, argv)], input=stdin, capture_output=True, text=True, env=ENV,
                          timeout=60 * PATIENCE, check=False)
    return done.returncode, done.stdout, done.stderr


with Bench() as b:
    one, two = b.proxy(), b.proxy()
    server = Daemon([sys.executable, f"{FOLDER}/capitals.py", str(one.port), str(two.port)], env=ENV)
    server.wait_for(r"serving at port \d+")
    for proxy in (one, two):
        assert proxy.servers()["capitals-1"]["job"] == "upper", proxy.servers()
    assert run("ask.py", one.port, "upper", "hello", "w\u00f6rld") == (0, "HELLO\nW\u00d6RLD\n", "")
    lines = "".join(f"line {i}\n" for i in range(2000))
    assert run("ask_many.py", f"{one.port},{two.port}", "upper", stdin=lines) == (0, lines.upper(), "")
    status, out, err = run("ask.py", one.port, "nobody", "hello")
    assert status == 1 and err.startswith("UnknownPolicy: unknown-policy: "), err
    assert ask(one, policy="upper", payload="AA==", encoding="base64")["message"] == "this server takes text only"
    assert server.stop() == 0
    for proxy in (one, two):
        wait_until(lambda: "capitals-1" not in proxy.servers(), "it has left")
        assert re.search(r'msg="server left" id=capitals-1', proxy.output)
    status, out, err = run("ask.py", "127.0.0.1:1", "upper", "hello")
    assert status == 1 and "Unreachable: no proxy can be reached: 127.0.0.1:1: Connection refused" in err, err

    # Without a proxy it waits for one, and ends when it is told to.
    server = Daemon([sys.executable, f"{FOLDER}/capitals.py", "127.0.0.1:1"], env=ENV)
    server.wait_for("Connection refused")
    assert server.stop(signal.SIGINT) == 0 and "serving" not in server.output
