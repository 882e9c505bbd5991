"""ulimit -f: log and access log reach it; their lines stay whole, further ones are lost and counted, requests go on."""
import os
import resource
from lib import silent
from lib.bench import FOLDER, PROGRAMS, Bench, Daemon, ctl, wait_until

LIMIT = 20 * 1024


def limit():
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))


with Bench() as b:
    log, access = (os.path.join(FOLDER, name) for name in ("log", "access"))
    proxy = b.keep(Daemon([f"{PROGRAMS}/ppool-proxy", "-port", "0", "--runtime-dir", b.runtime, "--workers", "2", "--log", log, "--narrate", "yes",
                           "--access-log", "all", "--access-log-file", access], preexec_fn=limit))
    port = int(proxy.wait_for(r"Proxy running on port (\d+)")[1])
    proxy.socket = f"{b.runtime}/ppool-proxy-{port}.sock"
    server = b.server("1", "111", port)
    wait_until(lambda: "1" in [s["id"] for s in ctl(proxy.socket, "servers")], "the registration")
    silent.answered(port)
    silent.answered(port)
    assert silent.dropped(proxy.socket) > 3000
    with open(log) as f:
        assert f"bytes={LIMIT}" in f.read(), "it is not told at the start"
    with open(access) as f:
        lines = silent.whole_lines(f.read())
        assert len(lines) > 20 and all(" bytes_out=" in l and l.startswith("time=") for l in lines), lines[-2:]
    assert os.path.getsize(access) <= LIMIT
    assert len(ctl(proxy.socket, "workers")) == 2
    for w in ctl(proxy.socket, "workers"):
        assert w["state"] == "ready", w
