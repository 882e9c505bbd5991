from lib.bench import Bench, Peer, request

with Bench() as b:
    proxy = b.proxy()
    b.server("1", "111", proxy)
    b.server("2", "111", proxy)
    with Peer(proxy) as p:
        assert [p.ask(request())["srcid"] for _ in range(5)] == ["1", "2", "1", "2", "1"]
