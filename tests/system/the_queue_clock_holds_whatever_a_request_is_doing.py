"""Hundreds of servers that refuse, or one that drops what asks to connect: a request goes from one to the next and back, and is told
the truth when queue_timeout is over, not when request_timeout is."""
import json
import time
from lib import dead
from lib.bench import SLOW, Bench, Peer, allow_files, ask, ctl, request, wait_until

LIMIT = 1.0 * SLOW


def refused_in_time(proxy, policy, why):
    begin = time.monotonic()
    got = ask(proxy, policy=policy)
    took = time.monotonic() - begin
    assert got["code"] == "upstream-failed" and why in got["message"] and "queue_timeout" in got["message"], got
    assert LIMIT * 0.9 < took < LIMIT * 8, f"after {took:.1f} s: {got}"


allow_files(4096)
with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no", "--queue-timeout", f"{LIMIT * 1000:.0f}ms", "--request-timeout", "60s",
                             "--connect-timeout", "30s"])
    with Peer(proxy) as p:
        for i in range(400):
            p.send(json.dumps({"type": "1", "id": f"r{i}", "privPolyId": "refusing", "listenport": "1", "ack": "1",
                               "host": f"127.0.{i // 200 + 1}.{i % 200 + 1}"}).encode())
        for i in range(400):
            assert p.read()["verb"] == "registered"
    for _ in range(2):
        refused_in_time(proxy, "refusing", "connection refused")
    silent = [dead.Dead("silent", f"s{i}", "silent") for i in range(3)]
    for d in silent:
        d.announce(proxy.port)
    wait_until(lambda: len(ctl(proxy.socket, "servers")) == 403, "all of them")
    refused_in_time(proxy, "silent", "it takes long to connect to")
    # Many at once, too: none is forgotten in between.
    with Peer(proxy, seconds=60) as p:
        for i in range(50):
            p.send(request(policy="refusing"))
        assert {p.read()["code"] for _ in range(50)} == {"upstream-failed"}
    for d in silent:
        d.close()
