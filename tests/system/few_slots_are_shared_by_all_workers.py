"""A pooled server that takes one connection at a time: the worker that has it gives it up in time to the one that waits, though its own
clients always have more to ask."""
from lib import pooled
from lib.bench import Bench, client_json, ctl

with Bench() as b:
    proxy = b.proxy(workers=2, options=["--narrate", "no", "--queue-timeout", "1m"])
    server = pooled.Server(proxy, pipeline=64, slots=1)
    proxy.wait_server(server.id)

    def answered():
        return [w["requests"] for w in ctl(proxy.socket, "workers") if w["state"] == "ready"]

    def both_served():
        """Enough is outstanding at each worker that the connection never falls idle."""
        before = answered()
        status, got = client_json(proxy, "--policy", "111", "--duration", "2s", "--parallel", "8", "--pipeline", "32", "--size", "16")
        assert status == 0 and got["correct"] > 500, got
        gained = [now - then for then, now in zip(before, answered())]
        return min(gained) * 10 > sum(gained) and gained

    # Connections are shared evenly as a rule, not each time.
    assert any(both_served() for _ in range(4)), f"one worker served nearly all: {answered()}"
    assert server.most_connections == 1, server.most_connections
    server.stop()
