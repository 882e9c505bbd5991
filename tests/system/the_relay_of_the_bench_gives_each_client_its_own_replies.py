import contextlib
import json
import subprocess
from lib.bench import PROGRAMS, SLOW, Bench


@contextlib.contextmanager
def relay(*argv):
    p = subprocess.Popen([f"{PROGRAMS}/bench/relay", *argv], stdout=subprocess.PIPE, text=True)
    try:
        yield p.stdout.readline().strip()
        assert p.poll() is None, p.returncode
    finally:
        p.kill()
        p.wait()


with Bench() as b:
    proxy = b.proxy()
    ports = [str(b.server(id, "111", proxy).port) for id in ("1", "2")]
    for mode in ((), ("--shared", "1"), ("--shared", "2")):
        with relay(*mode, *ports) as port:
            for shape in ((), ("--connections", "9", "--in-flight", "16"), ("--connections", "4", "--size", "100000"),
                          ("--connections", "8", "--one-a-connection")):
                done = subprocess.run([f"{PROGRAMS}/bench/load", "--port", port, "--count", "500", *shape], capture_output=True, text=True,
                                      timeout=60 * SLOW)
                got = json.loads(done.stdout)
                assert done.returncode == 0 and got["requests"] == got["all"] == 500, (mode, shape, got, done.stderr)
