"""A proxy is killed under load: its clients go on at the other, which keeps its servers; etcd ends and comes back empty under load,
and nothing is lost."""
import json
import subprocess
import time
from lib.bench import PROGRAMS, SLOW, Bench, ask, correct, ctl, wait_until
from lib.etcd import Etcd, store_of, wait_store


def load(seconds, *proxies):
    listed = [word for p in proxies for word in ("-revproc", str(p.port))]
    return subprocess.Popen([f"{PROGRAMS}/ppool-client", *listed, "--policy", "111", "--vary", "--size", "100", "--parallel", "4",
                             "--json", "--duration", f"{seconds * SLOW}s"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def done(run):
    out, err = run.communicate(timeout=100)
    got = json.loads(out)
    assert run.returncode == 0 and got["failed"] == got["wrong"] == got["refused"] == 0 and got["sent"] == got["correct"], (got, err)
    return got


with Bench() as b:
    e = Etcd(b)
    one, two = e.proxy("p1"), e.proxy("p2")
    for i in range(100, 104):
        b.server(str(i), "111", one, workers=1)
        two.wait_server(i, known="store")

    run = load(3, two)
    wait_until(lambda: two.servers()["100"]["served"] > 50, "load")
    e.kill()
    wait_store(two, state="unsynced")
    assert all(s["known"] == "store" for s in two.servers().values())
    late = b.server("200", "111", two, workers=1)
    assert correct(ask(one.port)) and two.servers()["200"]["known"] == "self"
    done(run)

    e.wipe()
    began = time.monotonic()
    wait_until(lambda: len([k for k in e.rows() if k.startswith("servers/")]) == 5, "the store is full again", 60)
    print(f"a wiped etcd is full again {time.monotonic() - began:.1f} s after it answers")
    one.wait_server(200, known="store", by="p2")
    for i in range(100, 104):
        two.wait_server(i, known="store", by="p1")
    assert not [x for x in ctl(two.socket, "events") if x["event"] == "faded"]

    run = load(4, one, two)
    wait_until(lambda: one.servers()["100"]["served"] > 100, "load")
    one.kill_group()
    b.started.remove(one)
    got = done(run)
    print(f"longest answer, over the kill of a proxy: {got['latency_us']['max'] // 1000} ms")
    assert got["latency_us"]["max"] < 1_500_000 * SLOW, got
    for i in range(100, 104):
        two.wait_server(i, known="fading", state="up")
    assert correct(ask(two.port))

    # What fades and does not answer leaves at its first incident.
    dead = next(d for d in b.started if getattr(d, "id", "") == "103")
    dead.kill_group()
    b.started.remove(dead)
    wait_until(lambda: correct(ask(two.port)) and "103" not in two.servers(), "it leaves")
    assert [x["why"] for x in ctl(two.socket, "events") if x["event"] == "faded"] == ["no proxy tells of it any more, and it does not answer"]
    assert store_of(two)["fading"] == 3 and correct(ask(two.port))
