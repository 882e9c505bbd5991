"""Plain servers take one connection at a time, and checks take it every now and then: a request in turn waits for that."""
import json
import threading
from lib import plain
from lib.bench import Bench, ask, correct

never = threading.Event()


def slow_to_probes(server, connection, request):
    if request["srcid"] == "proxy":
        never.wait(0.02)
    connection.sendall(json.dumps(plain.reply(server.id, request)).encode())


with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no", "--health-check", "request", "--check-interval", "50ms"])
    servers = [plain.Server(proxy.port, id=id, behave=slow_to_probes) for id in "12"]
    for s in servers:
        proxy.wait_server(s.id, state="up")
    asked, before = [], [len(s.requests) for s in servers]

    def probed():
        """Since the first was asked, the one that was probed the least often."""
        return min(sum(map(plain.is_probe, s.requests[then:])) for s, then in zip(servers, before))

    while len(asked) < 200 or (probed() < 20 and len(asked) < 20000):
        got = ask(proxy)
        assert correct(got), got
        asked.append(got["srcid"])
    assert probed() >= 20, "hardly any probes"
    lost = sum(a == b for a, b in zip(asked, asked[1:]))
    assert lost <= max(4, len(asked) // 200), f"{lost} turns were lost: {''.join(asked)}"  # a machine may stand still for longer than a request waits
    for s in servers:
        s.stop()
