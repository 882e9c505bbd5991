from lib.bench import Bench, Peer, correct, request

with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    for port in (proxy.port, server.port):
        with Peer(port) as p:
            for byte in request("byte by byte é \U0001f600") + b" \r\n\t":
                p.send(bytes([byte]))
            assert correct(p.read(), "byte by byte é \U0001f600")
            many = [f"n{i}" for i in range(300)]
            p.send(b"\n ".join(request(m) for m in many[:150]) + b"".join(request(m) for m in many[150:]))
            for m in many:
                assert correct(p.read(), m), m
