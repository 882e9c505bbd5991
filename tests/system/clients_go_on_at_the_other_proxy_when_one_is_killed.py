"""Killed -9 under load: no request is lost, each connection goes on at the other proxy at once, and the proxy that comes back is joined again."""
import json
import subprocess
import time
from lib.bench import PROGRAMS, SLOW, Bench, Proxy, client, correct, ctl, ask, wait_until


def registrations(server):
    return [p["registration"] for p in ctl(server.socket, "status")["proxies"]]


with Bench() as b:
    one, two = b.proxy(workers=1), b.proxy(workers=1)
    both = f"{one.port},{two.port}"
    servers = [b.server(str(i), "111", both, workers=1) for i in (1, 2)]
    for proxy in (one, two):
        for i in (1, 2):
            proxy.wait_server(i)

    def load(*more):
        return subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(one.port), "-revproc", str(two.port), "--policy", "111",
                                 "--vary", "--size", "100", "--parallel", "4", "--pipeline", "4", "--json", *more],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    before = time.monotonic()
    run = load("--duration", f"{4 * SLOW:.0f}s")
    wait_until(lambda: one.servers()["1"]["served"] > 500, "load")
    assert two.servers()["1"]["served"] == 0, "the first of the list is stayed at"
    one.kill_group()
    b.started.remove(one)
    out, err = run.communicate(timeout=60)
    got = json.loads(out)
    assert run.returncode == 0 and got["failed"] == got["wrong"] == got["refused"] == 0 and got["sent"] == got["correct"] > 1000, (got, err)
    assert got["resent"] > 0 and two.servers()["1"]["served"] > 500, got
    print(f"longest answer, over the kill: {got['latency_us']['max'] // 1000} ms")
    assert got["latency_us"]["max"] < 1_000_000 * SLOW, got

    # The servers say once what they lack, and are ready all the same.
    for s in servers:
        wait_until(lambda: registrations(s)[1] == "joined" and registrations(s)[0] != "joined", "it is seen")
        s.said('msg="not registered with the proxy"')
    status, out, err = client(both, "--policy", "111", "--payload", "x")
    assert status == 0 and f"no connection to the proxy at 127.0.0.1:{one.port}: Connection refused" in out \
        and f"sending to the proxy at 127.0.0.1:{two.port}" in out, out

    again = b.keep(Proxy(b, one.port, workers=1))
    for s in servers:
        wait_until(lambda: registrations(s) == ["joined", "joined"], "joined again")
    for i in (1, 2):
        again.wait_server(i)
    assert correct(ask(again.port)) and client(both, "--policy", "111", "--payload", "x")[0] == 0
    for s in servers:
        assert ctl(s.socket, "status")["registration_trouble"] == ""
        assert s.output.count(f"not registered with the proxy\" proxy={one.port}") <= 2, s.output

    # At random, connections are shared.
    run = load("--count", "400", "--parallel", "40", "--pipeline", "1", "--order", "random")
    out, err = run.communicate(timeout=60)
    assert run.returncode == 0, (out, err)
    assert sum(again.servers()[i]["served"] for i in "12") > 20, again.servers()
