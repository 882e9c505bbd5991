"""One of three is killed under load, comes back, is killed again: nothing is lost, nothing wrong."""
import json
import subprocess
from lib.bench import PROGRAMS, Bench, wait_until

with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no", "--eject-time", "300ms", "--check-interval", "200ms", "--slow-start", "1s"])
    for id in ("1", "3"):
        b.server(id, "111", proxy, options=["--narrate", "no"])
    load = subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", "111", "--count", "2000000",
                             "--parallel", "64", "--vary", "--size", "50", "--json"], stdout=subprocess.PIPE, text=True)
    port = 0
    for _ in range(2):
        victim = b.server("2", "111", proxy, port=port, options=["--narrate", "no"])
        port = victim.port
        before = proxy.servers()["2"]["served"]
        wait_until(lambda: proxy.servers()["2"]["served"] > before, "the second one takes part")
        b.started.remove(victim)
        victim.kill_group()
        proxy.wait_server("2", state="ejected")
        row = proxy.servers()["2"]
        assert "refused" in row["reason"] or "reset" in row["reason"] or "closed" in row["reason"], row
        assert row["retried"] > 0 and proxy.servers()["1"]["state"] == "up", row
    proxy.wait_for('msg="server ejected" id=2 policy=111 why="connection refused"')
    b.server("2", "111", proxy, port=port, options=["--narrate", "no"])
    proxy.wait_for('msg="server returned" id=2')
    load.send_signal(2)
    out, _ = load.communicate(timeout=60)
    got = json.loads(out)
    assert got["correct"] > 1000 and got["wrong"] == 0 and not got["errors"], got
    assert set(got["failures"]) <= {"interrupted"}, got
