"""Whether a server has it, with a connection and a late reply that then harm nobody, or it waits for one."""
import threading
from lib import pooled
from lib.bench import Bench, Peer, correct, ctl, request, still_serves, wait_until

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--request-timeout", "300ms", "--queue-timeout", "1h", "--narrate", "no"])
    b.server("good", "good", proxy)
    gates = threading.Event(), threading.Event()
    with_server = pooled.Server(proxy, "slow", gate=gates[0])
    one_at_a_time = pooled.Server(proxy, "one", "one", pipeline=1, slots=1, gate=gates[1])
    with Peer(proxy) as p, Peer(proxy) as first, Peer(proxy) as second:
        p.send(request("late"))
        still_serves(proxy, policy="good")
        got = p.read()
        assert got["code"] == "timeout" and "a server has it" in got["message"] and "request_timeout is 300ms" in got["message"], got
        gates[0].set()
        assert correct(p.ask(request("fresh")), "fresh"), "the late reply reached somebody"
        assert not pooled.ended(with_server.carried["late"]), "its connection was closed"
        first.send(request(policy="one"))
        wait_until(lambda: one_at_a_time.requests, "the first is with the server")
        got = second.ask(request(policy="one"))
        assert got["code"] == "timeout" and "waiting for a server" in got["message"], got
        assert first.read()["code"] == "timeout"
        assert ctl(proxy.socket, "status")["timeouts"]["request"] == 3
        gates[1].set()
    with_server.stop()
    one_at_a_time.stop()
