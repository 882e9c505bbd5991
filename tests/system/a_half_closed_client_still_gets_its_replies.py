from lib.bench import Bench, Peer, correct, request

with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    for port in (proxy.port, server.port):
        with Peer(port) as p:
            p.send(request("one") + request("two")).end()
            assert correct(p.read(), "one") and correct(p.read(), "two") and p.closed()
