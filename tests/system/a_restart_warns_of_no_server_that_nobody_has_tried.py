"""Servers that are recalled from the state file are no bad news while nothing has failed; once all have failed it is said."""
import os
from lib.bench import FOLDER, Bench, ask, correct, ctl, wait_until
from lib.plain import Server

OPTIONS = ["--state-file", os.path.join(FOLDER, "proxy.journal")]
BAD = "every server of a policy looks bad"


def restart(b, proxy):
    assert proxy.stop() == 0
    b.started.remove(proxy)
    return b.proxy(port=proxy.port, options=OPTIONS)


with Bench() as b:
    proxy = b.proxy(options=OPTIONS)
    b.server("1", "111", proxy)
    plain = [Server(proxy.port, id=i, policy="222") for i in ("7", "8")]
    for i in ("7", "8"):
        proxy.wait_server(i)
    assert correct(ask(proxy)) and correct(ask(proxy, policy="222"))
    for first in (False, True):
        proxy = restart(b, proxy)
        if first:
            assert correct(ask(proxy, policy="222"))
        for i in ("7", "8"):
            proxy.wait_server(i, state="up")
        assert correct(ask(proxy))
        assert BAD not in proxy.output, proxy.output
        assert "panic" not in [e["event"] for e in ctl(proxy.socket, "events")]
    for s in plain:
        s.stop()
    proxy = restart(b, proxy)
    wait_until(lambda: BAD in proxy.output, "the warning")
