"""It carries the identity that was verified; another CA, or tickets that are off, end it by a reload."""
import os
import shutil
import signal
import ssl

from lib.bench import Bench, correct, ctl, reload, workers
from lib.certificates import Resuming, SecurePeer, authority, issue, listening

with Bench() as b:
    ca, other = authority(), authority("other")
    pool, somebody, stranger = issue("pool", ca), issue("somebody", ca), issue("stranger", other)
    trusted = b.file("trusted", "")
    shutil.copy(ca.certificate, trusted)
    conf = b.file("conf", "log_level = debug\n")
    options = [*listening(pool, "optional", ca, "required"), "--tls-client-ca", trusted, "-c", conf]
    proxy = b.proxy(options=options)
    b.server("1", "111", proxy)
    c = Resuming(ca, somebody)

    def ask():
        reply, resumed = c.ask(proxy)
        assert correct(reply), reply
        return resumed

    assert not ask() and ask()
    proxy.wait_for("what=.TLS1.3, [^,]*, resumed, CN=somebody")
    reload(proxy)
    assert ask(), "the new workers take it"
    proxy.upgrade()
    assert ask(), "the successor's workers take it"
    os.kill(workers(proxy)[0], signal.SIGKILL)
    assert ask(), "others take it"

    # Somebody has no certificate of the CA that is trusted from now on: with a ticket as without.
    shutil.copy(other.certificate, trusted)
    reload(proxy)
    before = ctl(proxy.socket, "status")["tls_resumed"]
    for session in (c.session, None):
        try:
            with SecurePeer(proxy, ca, by=c.context, session=session) as p:
                assert p.ask(b"{}") is None
        except (ssl.SSLError, ConnectionError):
            pass
    assert ctl(proxy.socket, "status")["tls_resumed"] == before
    reply, resumed = Resuming(ca, stranger).ask(proxy)
    assert correct(reply) and not resumed

    # The former CA once more: what was verified by it is good again.
    shutil.copy(ca.certificate, trusted)
    reload(proxy)
    assert ask()
    with open(conf, "a") as f:
        f.write("tls_session_tickets = no\n")
    reload(proxy)
    assert not ask()
    assert not ask()
