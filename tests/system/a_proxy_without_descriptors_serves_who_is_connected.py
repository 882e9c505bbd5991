"""Connections that find no descriptor wait; those there are served meanwhile; the others follow as some leave."""
# Not under valgrind: it needs descriptors of its own.
from lib import bench, pooled
from lib.bench import Bench, Peer, correct, request, workers

LIMIT = 64

with Bench() as b:
    bench.WRAP[:] = ["prlimit", f"--nofile={LIMIT}:{LIMIT}"]
    proxy = b.proxy(workers=1, options=["--narrate", "no"])
    bench.WRAP.clear()
    server = pooled.Server(proxy, "1")
    with Peer(proxy) as inside:
        assert correct(inside.ask(request()))
        serving = workers(proxy)
        outside = [Peer(proxy, seconds=30).send(request(str(i))) for i in range(LIMIT)]
        proxy.wait_for("accepting pauses")
        assert all(correct(inside.ask(request("inside")), "inside") for _ in range(20))
        for i, p in enumerate(outside):
            assert correct(p.read(), str(i))
            p.close()
        assert workers(proxy) == serving, "it ended"
    server.stop()
