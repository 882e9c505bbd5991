"""Plain servers announce themselves once: nobody would tell a restarted proxy of them."""
import os
import signal
from lib.bench import FOLDER, Bench, ask, correct, ctl, wait_until
from lib.plain import Server

JOURNAL = os.path.join(FOLDER, "state", "proxy.journal")

with Bench() as b:
    proxy = b.proxy(options=["--state-file", JOURNAL])
    plain = [Server(proxy.port, id=str(i), policy="111") for i in (1, 2)]
    other = Server(proxy.port, id="3", policy="PP 3")
    own = b.server("4", "111", proxy, options=["--lease", "5s"])
    for id in "123":
        proxy.wait_server(id)
    ctl(proxy.socket, "drain", "4")
    answers = [ask(proxy)["srcid"] for _ in range(3)]
    for end in (signal.SIGTERM, None, signal.SIGTERM):  # stopped, lost, stopped
        before = proxy.servers()
        if end is None:
            wait_until(lambda: "draining" in open(JOURNAL).read(), "the journal of what has changed")
            proxy.kill_group()
        else:
            assert proxy.stop(end) == 0
        b.started.remove(proxy)
        assert os.stat(JOURNAL).st_mode & 0o777 == 0o600
        proxy = b.proxy(port=proxy.port, options=["--state-file", JOURNAL])
        after = proxy.servers()
        same = ("policy", "addr", "kind", "weight", "slots", "pipeline")
        assert {i: [s[k] for k in same] for i, s in before.items()} == {i: [s[k] for k in same] for i, s in after.items()}, (before, after)
        assert after["4"]["state"] == "draining", after["4"]
        assert correct(ask(proxy)) and correct(ask(proxy, policy="PP 3"))
        got = [ask(proxy)["srcid"] for _ in range(4)]
        assert got in (["1", "2"] * 2, ["2", "1"] * 2), got
        proxy.wait_server("1", state="up")
        assert ctl(proxy.socket, "events")[0]["event"] == "restored"
        assert proxy.said("servers known from the journal")
    for s in [*plain, other]:
        assert s.broken is None
        s.stop()
