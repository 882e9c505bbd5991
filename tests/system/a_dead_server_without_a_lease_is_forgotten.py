"""Names made anew at each start would add up for ever.  One that lives, has a lease or is drained is kept."""
from lib import dead, plain
from lib.bench import Bench, ask, correct, ctl, wait_until

with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no", "--forget-after", "2s", "--check-interval", "200ms"])
    b.server("live", "111", proxy)
    old = plain.Server(proxy.port, id="old")
    gone = [dead.Dead(kind, kind) for kind in ("refusing", "silent", "resetting")]
    kept = dead.Dead("refusing", "kept")
    for d in (*gone, kept):
        d.announce(proxy.port)
    wait_until(lambda: len(proxy.servers()) == 6, "all of them")
    ctl(proxy.socket, "drain", "kept")

    def forgotten():
        assert correct(ask(proxy))
        return {e["id"] for e in ctl(proxy.socket, "events") if e["event"] == "forgotten"}

    wait_until(lambda: len(forgotten()) == 3, "three forgotten", seconds=60)
    assert forgotten() == {d.id for d in gone}, forgotten()
    assert set(proxy.servers()) == {"live", "old", "kept"}, proxy.servers()
    proxy.wait_for('msg="server forgotten" id=silent .*dead_s=.* why="dead for longer than forget_after: ')
    old.stop()
    for d in (*gone, kept):
        d.close()
