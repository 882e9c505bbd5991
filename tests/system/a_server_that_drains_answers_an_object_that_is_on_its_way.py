"""Straight to a server: what was begun before it is told to end is answered when it is whole, and whatever is pipelined behind it;
idle connections are closed."""
from lib.bench import Bench, Peer, correct, request, wait_until, ctl

with Bench() as b:
    s = b.server("1", "111", None, workers=2, options=["--stop-timeout", "60s", "--narrate", "no"])
    packet = request(payload="half")
    half, idle, batch = Peer(s.port, seconds=30), Peer(s.port, seconds=30), Peer(s.port, seconds=30)
    assert correct(idle.ask(request()))
    half.send(packet[:20])
    batch.send(packet * 200 + packet[:20])
    assert all(correct(batch.read(), "half") for _ in range(200))
    wait_until(lambda: ctl(s.socket, "status")["connections"] == 3, "all are accepted")
    s.send_signal(15)
    assert idle.closed(), "an idle connection ends"
    half.send(packet[20:])
    batch.send(packet[20:] + packet)
    assert correct(half.read(), "half"), "half an object was not waited for"
    assert all(correct(batch.read(), "half") for _ in range(2))
    assert half.closed() and batch.closed()
    assert s.wait() == 0
