import json
import subprocess
from lib.bench import PROGRAMS, Bench, Daemon, ctl, ctl_run

with Bench() as b:
    proxy = b.proxy()
    follower = Daemon([f"{PROGRAMS}/ppool-ctl", "-s", proxy.socket, "--json", "events", "--follow"])
    lost = b.server("1", "111", proxy, options=["--lease", "1s"])
    follower.wait_for('"joined"')
    other = b.server("2", "PP_2", proxy)
    ctl(proxy.socket, "drain", "2")
    ctl(proxy.socket, "drain", "2")  # it was so before: no event
    ctl(proxy.socket, "disable", "2")
    ctl(proxy.socket, "enable", "2")
    assert other.stop() == 0
    proxy.wait_server("2", present=False)
    lost.kill_group()
    b.started.remove(lost)
    proxy.wait_server("1", present=False)
    follower.wait_for('"lease-ended"')
    follower.process.terminate()
    follower.wait()
    wanted = [("joined", "1", "111"), ("joined", "2", "PP_2"), ("draining", "2", "PP_2"), ("disabled", "2", "PP_2"),
              ("enabled", "2", "PP_2"), ("left", "2", "PP_2"), ("lease-ended", "1", "111")]
    got = ctl(proxy.socket, "events")
    assert [(e["event"], e["id"], e["policy"]) for e in got] == wanted, got
    assert [e["number"] for e in got] == list(range(1, 8)), got
    assert got[0]["why"] == f"127.0.0.1:{lost.port}" and "uid" in got[2]["why"] and "renew" in got[6]["why"], got
    assert [json.loads(line) for line in follower.output.splitlines()] == got, follower.output
    assert ctl(proxy.socket, "events", "2") == got[-2:]
    assert ctl(proxy.socket, "events", "0") == []
    status, out, err = ctl_run("-s", proxy.socket, "events", "1")
    assert status == 0 and out.splitlines()[0].split() == ["NUMBER", "WHEN", "EVENT", "ID", "POLICY", "COUNT", "WHY"] and "lease-ended" in out, out
    text = subprocess.run([f"{PROGRAMS}/ppool-ctl", "-s", proxy.socket, "events", "--follow", "x"], capture_output=True, text=True)
    assert text.returncode == 2 and "--follow" in text.stderr, text
