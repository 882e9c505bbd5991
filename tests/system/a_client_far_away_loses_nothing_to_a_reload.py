"""A client 75 ms away asks again as soon as it has an answer: nothing is heard of it for 150 ms, which is no pause.  A reload of the proxy,
and of a server that is asked directly, costs none of its requests; one that a worker about to end tells that it was not run is sent again."""
# Not under valgrind: it would watch nsenter(1), not what that starts.
import json
import subprocess
from lib import hosts
from lib.bench import PROGRAMS, SLOW, Bench, ctl, reload, wait_until
from lib.needs import need_network_namespaces

need_network_namespaces()
ASK = ["--policy", "111", "--size", "64", "--parallel", "16", "--resend", "no", "--json", "--duration", f"{8 * SLOW}s"]


def answered(daemon):
    return sum(w["requests"] for w in ctl(daemon.socket, "workers"))


def reloads(daemon, far):
    load = subprocess.Popen([*far.enter, f"{PROGRAMS}/ppool-client", "-revproc", daemon.at, *ASK], stdout=subprocess.PIPE, text=True)
    wait_until(lambda: answered(daemon) > 64, "they are answered")
    reload(daemon)
    wait_until(lambda: answered(daemon) > 64, "they are answered by the new workers")
    got = json.loads(load.communicate(timeout=60 * SLOW)[0])
    assert got["failed"] == got["wrong"] == 0 and got["correct"] > 100, got
    assert got["latency_us"]["p50"] > 140000, f"so far away is it not: {got}"


with hosts.far(75) as (near, far), Bench() as b:
    options = ["--narrate", "no", "--stop-timeout", f"{4 * SLOW}s", "--workers", "2", "--runtime-dir", b.runtime]
    proxy = b.keep(near.daemon("ppool-proxy", "-port", f"{near.address}:5000", "--trusted-networks", f"{near.address}/32", *options))
    proxy.wait_for('msg="serving"')
    server = b.keep(near.daemon("ppool-server", "-id", "1", "-pp", "111", "-listen", f"{near.address}:5001", "-revproc", f"{near.address}:5000", *options))
    server.wait_for('msg="registered')
    proxy.socket, proxy.at = f"{b.runtime}/ppool-proxy-5000.sock", f"{near.address}:5000"
    server.socket, server.at = f"{b.runtime}/ppool-server-1.sock", f"{near.address}:5001"
    reloads(proxy, far)
    reloads(server, far)
