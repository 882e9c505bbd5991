"""A worker does not wait for ever for what the master makes of a registration: the announcement or the answer may be lost for want
of memory, and the server's connection, once it has ended, would be kept as one that still owes an answer.  Requests go on."""
import os
import signal
from lib.bench import Bench, Peer, correct, ctl, request, wait_until

with Bench() as b:
    proxy = b.proxy(workers=1)
    b.server("1", "111", proxy)
    with Peer(proxy, seconds=40) as server, Peer(proxy, seconds=40) as p:
        os.kill(proxy.pid, signal.SIGSTOP)
        try:
            server.send(b'{"type":"1","id":"9","privPolyId":"222","listenport":"9"}')
            assert correct(p.ask(request()))
            got = server.read()
        finally:
            os.kill(proxy.pid, signal.SIGCONT)
        assert got["type"] == "3" and got["code"] == "overloaded" and got["retryafter"] > 0, got
        wait_until(lambda: ctl(proxy.socket, "status")["in_flight"] == 0, "nothing is waited for")
        # What the master says once it goes on is no answer to what was sent meanwhile.
        got = server.ask(b'{"type":"5","id":"9","privPolyId":"222"}')
        assert got["type"] == "4" and got["verb"] == "deregistered", got
        assert correct(p.ask(request()))
