from lib.bench import Bench, Peer, correct, request, still_serves

with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    for port in (proxy.port, server.port):
        with Peer(port) as p:
            p.send(request("whole") + request("cut")[:-5]).end()
            assert correct(p.read(), "whole")
            got = p.read()
            assert got["code"] == "bad-json" and "cut" in got["message"] and p.closed(), got
        with Peer(port) as p:
            p.send(request("cut")[:-5])
    still_serves(proxy)
