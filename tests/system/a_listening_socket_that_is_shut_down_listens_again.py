"""Another process with a daemon's listening socket shuts it down: no worker can accept from it any more.  The master sees it and
lets it listen again, clients with a connection notice nothing, and the log has a line or two of it and not a flood."""
import socket
from lib import needs
from lib.bench import Bench, Peer, ask, correct, ctl, request, wait_until, workers
from lib.descriptors import socket_of

needs.need_root()  # for a descriptor of another process
TIMES = 5


def listening(daemon):
    s = socket_of(daemon.pid, lambda s: s.family in (socket.AF_INET, socket.AF_INET6) and s.type & socket.SOCK_STREAM and
                  s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and s.getsockname()[1] == daemon.port)
    assert s, "no listening socket"
    return s


def served(daemon):
    try:
        return correct(ask(daemon.port))
    except OSError:
        return False


with Bench() as b:
    proxy = b.proxy(workers=2, options=["--narrate", "no"])
    server = b.server("1", "111", proxy, options=["--narrate", "no"])
    for daemon in (proxy, server):
        before = workers(daemon)
        with Peer(daemon) as connected, listening(daemon) as shared:
            for n in range(1, TIMES + 1):
                assert correct(connected.ask(request()))
                shared.shutdown(socket.SHUT_RDWR)
                assert not shared.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) or daemon.output.count("it listens again") == n
                assert correct(connected.ask(request()))
                wait_until(lambda: served(daemon), f"{daemon.argv[0]} is served again")
                wait_until(lambda: daemon.output.count("it listens again") == n, "it is told")
        assert workers(daemon) == before, "nobody had to end for it"
        assert ctl(daemon.socket, "status")["state"] == "running"
        lines = daemon.output.count('msg="cannot accept"')
        assert lines <= 2 * len(before) * TIMES, f"{lines} lines about what lasted a moment:\n{daemon.output}"
    assert all(correct(ask(proxy)) for _ in range(20))
