"""Two clients ask for the former and the new policy while a server goes over from one to the other; another server has both
covered.  Nobody is told that it serves another policy."""
import json
import subprocess
import threading
from lib.bench import PROGRAMS, SLOW, Bench, Daemon, ask, correct, ctl_run, free_port, wait_until

with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no"])
    keepers = [b.server(str(i), policy, proxy, options=["--narrate", "no"]) for i, policy in ((1, "111"), (2, "222"))]
    port = free_port()
    b.file("s.conf", "policy = 111\n")
    mover = b.keep(Daemon([f"{PROGRAMS}/ppool-server", "-id", "3", "-listen", str(port), "-revproc", str(proxy.port), "-c", "s.conf", "--workers", "2",
                           "--runtime-dir", b.runtime, "--narrate", "no", "--stop-timeout", "1s"]))
    mover.socket = f"{b.runtime}/ppool-server-3.sock"
    proxy.wait_server("3", policy="111")
    loads = [subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", policy, "--json", "--parallel", "8", "--count", "20000",
                               "--size", "20"], stdout=subprocess.PIPE, text=True) for policy in ("111", "222")]
    moves = 0
    while any(l.poll() is None for l in loads) and moves < 6:
        moves += 1
        to = ("111", "222")[moves % 2]
        b.file("s.conf", f"policy = {to}\n")
        status, out, err = ctl_run("-s", mover.socket, "reload")
        assert status == 0, err
        proxy.wait_server("3", policy=to)
    for l in loads:
        got = json.loads(l.communicate(timeout=100 * SLOW)[0])
        assert got["correct"] == 20000, got
    assert moves >= 1
