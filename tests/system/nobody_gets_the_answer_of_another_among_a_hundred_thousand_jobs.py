"""Eight processes answer at random speed; clients that pipeline ask a hundred thousand different things, and each gets the answer
to its own."""
import threading
from lib import handlers
from lib.bench import Bench, Peer, request

CLIENTS, EACH, BATCH = 16, 6250, 25

BODY = """
if random.random() < 0.02:
    time.sleep(random.random() / 200)
answer(job, payload=f"{job['srcid']} {text}")
"""

wrong = []
right = [0] * CLIENTS


def ask_all(port, n):
    with Peer(port, seconds=300) as p:
        for first in range(0, EACH, BATCH):
            p.send(b"".join(request(payload=f"{n}.{i}", srcid=f"c{n}") for i in range(first, first + BATCH)))
            for i in range(first, first + BATCH):
                reply = p.read()
                if reply is None or (reply.get("destid"), reply.get("payload")) != (f"c{n}", f"c{n} {n}.{i}"):
                    wrong.append((n, i, reply))
                    return
                right[n] += 1


with Bench() as b:
    proxy = b.proxy(options=("--queue-timeout", "5m"))
    server = handlers.server(b, BODY, proxy, processes=4, workers=2, options=("--handler-queue", "1000"))
    clients = [threading.Thread(target=ask_all, args=(proxy, n)) for n in range(CLIENTS)]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
    assert not wrong, wrong[:5]
    assert sum(right) == CLIENTS * EACH, right
    assert not handlers.failed(server)
