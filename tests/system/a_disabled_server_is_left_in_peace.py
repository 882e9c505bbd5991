"""Nobody probes it, while another of its policy is probed all the time."""
from lib import plain
from lib.bench import Bench, ctl, wait_until

with Bench() as b:
    proxy = b.proxy(options=["--health-check", "request", "--check-interval", "100ms"])
    peers = {i: plain.Server(proxy.port, id=i) for i in "12"}
    for i, peer in peers.items():
        proxy.wait_server(i)
        wait_until(lambda: len(peer.requests) >= 2, "it is probed")
    ctl(proxy.socket, "disable", "1")
    ctl(proxy.socket, "wait", "1")
    proxy.wait_server("1", connections=0)
    wait_until(lambda: len(peers["2"].requests) > 5, "one that was under way has ended")
    before = [len(p.requests) for p in peers.values()]
    wait_until(lambda: len(peers["2"].requests) >= before[1] + 8, "the other is probed on")
    assert len(peers["1"].requests) == before[0], "a disabled server was probed"
    ctl(proxy.socket, "enable", "1")
    wait_until(lambda: len(peers["1"].requests) > before[0], "it is probed again")
    for peer in peers.values():
        peer.stop()
