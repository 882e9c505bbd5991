"""A peer that sends half a packet, one that does not read, a handler that never returns: others are served, and the end comes in time."""
import threading
import time
from lib.bench import PATIENCE, SLOW, Bench, Peer, request, wait_until
from lib.false_proxy import FalseProxy, requests
from lib.python_client import policypool as pp
from lib.python_server import python_server

never = threading.Event()


def work(request):
    if request.text == "hang":
        never.wait()
    return request.text * (1000 if request.text.startswith("x") else 1)


with Bench() as b:
    proxy = b.proxy()
    with python_server(work, id="1", policy="111", proxies=proxy.port, peer_timeout=1, stop_timeout=1, threads=2, queue=200, lease=2) as server:
        with Peer(server) as slow, Peer(server) as deaf, pp.connect(proxy.port) as client:
            slow.send(request()[:30])
            deaf.socket.settimeout(0.2)
            try:  # until nothing more goes
                while True:
                    deaf.send(request(payload="x" * 200) + b"\n")
            except (TimeoutError, OSError):
                pass
            assert client.call("111", "others").text == "others"
            got = slow.read()
            assert (got["code"], got["destid"]) == ("timeout", "") and slow.closed(), got
            wait_until(lambda: len(server._peers) <= 1, "the one that does not read is closed")
            assert client.call("111", "others").text == "others"
        # Half of the threads hang, and the other one serves; then none is left, and what waits is bounded.
        with Peer(server) as p:
            p.send(request(payload="hang"))
            with pp.connect(proxy.port) as client:
                assert all(r.text == f"{i}" for i, r in enumerate(client.pipeline(("111", f"{i}") for i in range(100))))
            p.send(request(payload="hang"))
            with Peer(server) as q:
                q.send(request(payload="waits"))
                begin = time.monotonic()
    assert time.monotonic() - begin < 10 * SLOW * PATIENCE, "the end waits for no handler"
    proxy.wait_server("1", present=False)

    # Before it closes a connection, it says that nothing else on it was run.
    with python_server(lambda r: r.text, id="2", policy="111", proxies=proxy.port) as server:
        p = Peer(server)
        assert p.ask(request())["payload"] == "hello"
    got = p.read()
    assert (got["code"], got["destid"]) == ("shutting-down", "") and p.closed(), got

# A client believes that of what it has asked, and asks it elsewhere, though nothing may be sent twice.
def ends(proxy, connection, number):
    for n, r in enumerate(requests(connection)):
        if number == 1 and n == 1:
            connection.sendall(b'{"type":"3","srcid":"s","destid":"","payload":"","code":"shutting-down","message":"m"}\n')
            return
        if number > 1 or n == 0:
            connection.sendall(b'{"type":"2","srcid":"s","destid":"1","payload":"%s"}\n' % r["payload"].encode())


with FalseProxy(ends) as proxy, pp.Client(proxy.port) as client:
    assert [r.text for r in client.pipeline(("111", f"{i}") for i in range(50))] == [f"{i}" for i in range(50)]
    assert proxy.connections == 2
