"""TERM comes when half of a request is there: the other half is waited for, and answered."""
import signal
from lib.bench import Bench, Peer, ask, correct, request

with Bench() as b:
    server = b.server("1", "111", None, workers=1, options=["--narrate", "no", "--stop-timeout", "30s"])
    assert correct(ask(server.port))
    whole = request("in two halves")
    with Peer(server.port) as p, Peer(server.port) as idle:
        assert correct(idle.ask(request())) and correct(p.ask(request()))
        p.send(whole[:20])
        assert correct(idle.ask(request())), "the half has been read as well by now, or will be"
        server.send_signal(signal.SIGTERM)
        assert idle.closed(), "one with nothing to say is let go"
        got = p.ask(whole[20:])
        assert correct(got, "in two halves"), got
    assert server.wait() == 0
