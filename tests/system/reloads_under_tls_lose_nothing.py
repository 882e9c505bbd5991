"""Connections that are being made when the workers change are not cut in their handshake."""
import json
import subprocess

from lib.bench import PROGRAMS, SLOW, Bench, ctl, ctl_run, wait_until
from lib.certificates import authority, client_by, issue, listening, servers_by

COUNT = 3000 // SLOW

with Bench() as b:
    ca = authority()
    identity = issue("pool", ca)
    proxy = b.proxy(options=[*listening(identity), *servers_by(ca)])
    joiner = b.server("2", "111", proxy, options=[*listening(identity), "--revproc-tls", "--revproc-ca", ca.certificate])
    load = subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), *client_by(ca), "--json", "--policy", "111",
                             "--size", "200", "-n", str(COUNT), "--parallel", "8", "--no-keepalive"], stdout=subprocess.PIPE, text=True)
    for daemon in (proxy, joiner, proxy, joiner):
        before = ctl(joiner.socket, "status")["requests"]
        wait_until(lambda: ctl(joiner.socket, "status")["requests"] > before + 50 or load.poll() is not None, "the load goes on")
        assert ctl_run("-s", daemon.socket, "reload")[0] == 0
    out, _ = load.communicate(timeout=100)
    summary = json.loads(out)
    assert summary["correct"] == COUNT and summary["failed"] == 0, summary
