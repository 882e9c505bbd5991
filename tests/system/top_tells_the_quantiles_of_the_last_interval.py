"""A server was slow and is quick now: top tells of now, servers of all."""
import json
import threading
from lib import plain
from lib.bench import PROGRAMS, Bench, Daemon, ask, correct

SLOW_S, SLOW, QUICK = 1.2, 3, 20

slowly = threading.Event()
slowly.set()


def behave(server, connection, request):
    if slowly.is_set():
        threading.Event().wait(SLOW_S)
    connection.sendall(json.dumps(plain.reply(server.id, request)).encode())


with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no"])
    server = plain.Server(proxy.port, id="1", behave=behave)
    proxy.wait_server("1")
    for _ in range(SLOW):
        assert correct(ask(proxy))
    assert proxy.servers()["1"]["p50_us"] >= SLOW_S * 1e6
    slowly.clear()
    top = Daemon([f"{PROGRAMS}/ppool-ctl", "-s", proxy.socket, "--json", "top", "-n", "4"])
    top.wait_for("\n")
    for _ in range(QUICK):
        assert correct(ask(proxy))
    assert top.wait() == 0
    told = [page["servers"][0] for page in map(json.loads, top.output.splitlines())]
    assert len(told) == 4 and told[0]["p50_us"] is None and told[0]["p99_us"] is None, ("nothing came", told)
    quick = [t for t in told if t["p50_us"] is not None]
    assert quick and all(0 < t["p50_us"] <= t["p99_us"] < SLOW_S * 1e6 for t in quick), told
    assert proxy.servers()["1"]["p99_us"] >= SLOW_S * 1e6, "of all that it ever sent"
    assert "latencies" not in proxy.servers()["1"]
    server.stop()
