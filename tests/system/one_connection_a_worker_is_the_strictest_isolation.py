"""worker_connections 1: as many clients are served at once as there are workers; the others wait, and get their turn."""
from lib.bench import Bench, Peer, client_json, correct, request

with Bench() as b:
    server = b.server("1", "111", None, workers=2, options=["--worker-connections", "1"])
    first, second, third = (Peer(server) for _ in range(3))
    assert correct(first.ask(request())) and correct(second.ask(request()))
    third.send(request("waits"))
    third.socket.settimeout(0.3)
    try:
        assert third.read() is None and False, "three at once by two workers"
    except TimeoutError:
        pass
    first.close()
    third.socket.settimeout(10)
    assert correct(third.read(), "waits")
    second.close()
    third.close()
    proxy = b.proxy(workers=3)
    b.server("2", "222", proxy, workers=2, options=["--worker-connections", "1"])
    status, got = client_json(proxy, "--policy", "222", "--count", 500, "--parallel", 12, "--vary", "--size", 20)
    assert status == 0 and got["correct"] == 500, got
