"""Half of it was there when proxy or server was told to stop; a connection on which nothing was begun is closed meanwhile."""
import signal
from lib.bench import Bench, Peer, correct, request

with Bench() as b:
    proxy = b.proxy(options=["--stop-timeout", "60s"])
    server = b.server("1", "111", proxy, options=["--stop-timeout", "60s"])
    for daemon in (proxy, server):
        with Peer(daemon) as begun, Peer(daemon, seconds=60) as idle:
            for p in (begun, idle):
                assert correct(p.ask(request()))
            text = request("x" * 1000)
            begun.send(text[:700])
            # What was sent after it has been read: so has this.
            assert correct(idle.ask(request()))
            daemon.send_signal(signal.SIGTERM)
            assert idle.closed(), "nothing was begun on it"
            assert correct(begun.send(text[700:]).read(), "x" * 1000), daemon.argv[0]
            assert begun.closed()
        assert daemon.wait(60) == 0
        b.started.remove(daemon)
