"""A worker that may open no further descriptor says so, with errno, in its log and to the client; servers that it could not
connect to are not blamed, and serve as soon as there are descriptors again."""
# Not under valgrind: it needs descriptors of its own.
import threading
from lib import plain
from lib.bench import Bench, Peer, correct, ctl, request, wait_until

MOST = 96

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--narrate", "no", "--queue-timeout", "1s", "--worker-max-files", MOST])
    clients = int(proxy.wait_for(rf"16384 lowered to (\d+): the limit of open files is {MOST}")[1])
    free = threading.Event()

    def behave(server, connection, request):
        free.wait()
        connection.sendall(plain.json.dumps(plain.reply(server.id, request)).encode())

    servers = [plain.Server(proxy.port, id=str(i), behave=behave) for i in range(MOST - clients)]
    wait_until(lambda: len(proxy.servers()) == len(servers), "all have joined")
    free.set()
    with Peer(proxy, seconds=30) as p:  # one that never answered is not given much
        wait_until(lambda: correct(p.ask(request())) and all(s.requests for s in servers), "all have answered")
    free.clear()
    peers = [Peer(proxy, seconds=30) for _ in range(clients)]
    wait_until(lambda: ctl(proxy.socket, "status")["connections"] == clients, "all are taken")
    for p in peers:
        p.send(request() * 4)
    explained = wait_until(lambda: (e := str(ctl(proxy.socket, "explain", "111"))) and "descriptors" in e and e, "it is short")
    wait_until(lambda: ctl(proxy.socket, "status")["refused"]["overloaded"] > 0, "some are refused")
    free.set()
    got = [p.read() for p in peers for _ in range(4)]
    refused = [g for g in got if not correct(g)]
    assert refused and len(refused) < len(got), got
    assert all(g["code"] == "overloaded" and "EMFILE" in g["message"] and g["retryafter"] > 0 for g in refused), refused
    for p in peers:
        assert correct(p.ask(request()))
        p.close()
    for s in proxy.servers().values():
        assert s["state"] in ("new", "up") and s["failed"] == 0, s
    assert not [e for e in ctl(proxy.socket, "events") if e["event"] not in ("joined", "started")], ctl(proxy.socket, "events")
    told = [line for line in proxy.output.splitlines() if "EMFILE" in line]
    assert told and len(told) < 20 and "server failed" not in proxy.output, told
    assert ctl(proxy.socket, "status")["in_flight"] == 0
    for s in servers:
        s.stop()
