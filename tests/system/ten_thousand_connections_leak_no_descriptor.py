from lib.bench import Bench, Peer, ask, correct, ctl, open_files, request, wait_until

with Bench() as b:
    quiet = ["--narrate", "no"]
    proxy = b.proxy(options=quiet)
    server = b.server("1", "111", proxy, options=quiet)
    for _ in range(50):
        ask(proxy)
    idle = lambda: ctl(proxy.socket, "status")["connections"] == 1  # the server's own
    wait_until(idle, "quiet before")
    before = open_files(proxy), open_files(server)
    for i in range(10000):
        with Peer(proxy) as p:
            if i % 3 == 0:
                assert correct(p.ask(request()))
            elif i % 3 == 1:
                p.send(b"nonsense")
    wait_until(idle, "quiet after")
    after = open_files(proxy), open_files(server)
    for old, new in zip(before, after):
        assert old.keys() == new.keys(), "a worker died"
        # A worker may have opened its kept connections to the server meanwhile: four at most.
        assert all(new[pid] <= old[pid] + 4 for pid in old), (before, after)
