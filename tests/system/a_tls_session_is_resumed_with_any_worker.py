"""By a ticket, in TLS 1.3 and 1.2, whichever worker gave it; with no ticket where they are off; and both kinds are counted."""
import ssl

from lib.bench import Bench, correct, ctl, wait_until
from lib.certificates import Resuming, authority, issue, listening

with Bench() as b:
    ca = authority()
    pool = issue("pool", ca)
    proxy = b.proxy(options=listening(pool, "optional"))
    b.server("1", "111", proxy)

    def counted():
        told = ctl(proxy.socket, "status")
        return told["tls_handshakes"], told["tls_resumed"]

    for newest in (None, ssl.TLSVersion.TLSv1_2):
        c = Resuming(ca, newest=newest)
        reply, resumed = c.ask(proxy)
        assert correct(reply) and not resumed, (newest, reply)
        full, before = counted()
        served = {w["pid"]: w["requests"] for w in ctl(proxy.socket, "workers")}
        for _ in range(20):
            reply, resumed = c.ask(proxy)
            assert correct(reply) and resumed, (newest, reply)
        assert counted() == (full + 20, before + 20), counted()
        more = [w["requests"] - served[w["pid"]] for w in ctl(proxy.socket, "workers")]
        assert len(more) == 2 and min(more) > 0, ("each worker has taken some", more)

    off = b.proxy(options=[*listening(pool, "optional"), "--no-tls-session-tickets"])
    b.server("1", "111", off)
    c = Resuming(ca)
    for _ in range(3):
        reply, resumed = c.ask(off)
        assert correct(reply) and not resumed, reply
    told = ctl(off.socket, "status")
    assert (told["tls_handshakes"], told["tls_resumed"]) == (3, 0), told

    # A session has its time, from its handshake on.
    short = b.proxy(options=[*listening(pool, "optional"), "--tls-session-timeout", "1s"])
    b.server("1", "111", short)
    c = Resuming(ca)
    c.ask(short)
    wait_until(lambda: not c.ask(short)[1], "the session can't be resumed any more")
