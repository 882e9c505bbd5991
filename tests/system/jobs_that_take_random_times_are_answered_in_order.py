"""On one connection replies come in the order of the requests, though the jobs of several processes end in any order: also an
error of the server's own waits for its turn."""
from lib import handlers
from lib.bench import Bench, Peer, request

N = 200

with Bench() as b:
    server = handlers.server(b, "time.sleep(random.random() / 100)\nanswer(job, payload=text + '!')", processes=4,
                             options=("--handler-queue", N))
    with Peer(server.port, seconds=60) as p:
        for i in range(N):
            p.send(request(payload=str(i), srcid=str(i), policy="111" if i % 10 else "222"))
        p.end()
        for i in range(N):
            reply = p.read()
            assert reply["destid"] == str(i), (i, reply)
            assert reply["payload"] == f"{i}!" if i % 10 else reply["code"] == "unknown-policy", (i, reply)
        assert p.closed()
