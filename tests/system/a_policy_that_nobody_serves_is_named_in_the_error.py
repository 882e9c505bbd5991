from lib.bench import Bench, Peer, correct, request

with Bench() as b:
    proxy = b.proxy()
    b.server("1", "111", proxy)
    with Peer(proxy) as p:
        got = p.ask(request(policy="PP_nobody"))
        assert got["code"] == "unknown-policy" and "PP_nobody" in got["message"] and got["destid"] == "1", got
        assert correct(p.ask(request()))
