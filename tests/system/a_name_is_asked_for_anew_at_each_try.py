"""A server of a proxy with a name that is not known yet starts, serves, and joins when the name is known; it tries all its addresses,
whatever their order, and follows the name to another one without a reload.  Meanwhile its master answers."""
import subprocess
import time
from lib import names
from lib.bench import PROGRAMS, SLOW, Bench, Daemon, ask, correct, ctl, wait_until

names.need()


def start_server(id, name, port, deaf=False):
    s = b.keep(Daemon([*known.within(deaf), f"{PROGRAMS}/ppool-server", "-id", id, "-pp", "111", "-listen", "127.0.0.1:0", "-revproc", f"{name}:{port}",
                       "--runtime-dir", b.runtime, "--retry-max", "300ms", "--lease", "2s"]))
    s.port = int(s.wait_for(r'msg="serving" id=.* listen=\S+:(\d+) ')[1])
    s.socket = f"{b.runtime}/ppool-server-{id}.sock"
    return s


with Bench() as b:
    known = names.Names(b.runtime)
    proxy = b.proxy()
    s = start_server("1", "proxy.test", proxy.port)
    s.wait_for('level=warn.*msg="not registered with the proxy" proxy=proxy.test:.*why="proxy.test: ', 30)
    assert correct(ask(s.port)), "it serves by its port"
    known.hosts("127.0.0.9 proxy.test", "127.0.0.1 proxy.test")
    proxy.wait_server("1")
    known.hosts("127.0.0.1 proxy.test", "127.0.0.9 proxy.test")
    start_server("2", "proxy.test", proxy.port)
    proxy.wait_server("2")
    for order in (("127.0.0.1 proxy.test", "127.0.0.9 proxy.test"), ("127.0.0.9 proxy.test", "127.0.0.1 proxy.test")):
        known.hosts(*order)
        asked = subprocess.run([*known.within(), f"{PROGRAMS}/ppool-client", "-revproc", f"proxy.test:{proxy.port}", "--policy", "111", "--payload", "x",
                                "--retries", "0"], capture_output=True, text=True, check=False)
        assert asked.returncode == 0, (order, asked)
    assert proxy.stop() == 0

    known.hosts("127.0.0.7 proxy.test")
    moved = b.keep(Daemon([f"{PROGRAMS}/ppool-proxy", "-port", f"127.0.0.7:{proxy.port}", "--runtime-dir", f"{b.runtime}/moved"]))
    moved.wait_for('msg="server joined" id=1 ')
    moved.wait_for('msg="server joined" id=2 ')

    known.server("options timeout:30 attempts:1\n")
    s = start_server("3", "slow.test", proxy.port, deaf=True)
    wait_until(lambda: ctl(s.socket, "status")["registration"] == "resolving", "it asks")
    begin = time.monotonic()
    for _ in range(5):
        assert ctl(s.socket, "status")["registration"] == "resolving"
    assert s.stop() == 0
    assert time.monotonic() - begin < 10 * SLOW, "it waited for the name"
