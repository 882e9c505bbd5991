"""Its error 3 goes to no client while another server may take the request; where nobody else is, the client is told."""
from lib import plain, pooled
from lib.bench import Bench, Peer, ask, correct, ctl, request

with Bench() as b:
    for code in ("overloaded", "shutting-down"):
        def declines(server, r):
            return {"type": "3", "srcid": server.id, "destid": r["srcid"], "payloadsize": 0, "payload": "", "code": code, "message": "not now"}

        proxy = b.proxy(workers=1, options=["--narrate", "no"])
        full = pooled.Server(proxy, "full", answer=declines)
        good = pooled.Server(proxy, "good")
        with Peer(proxy) as p:
            for i in range(50):
                got = p.ask(request(str(i)))
                assert correct(got, str(i)) and got["srcid"] == "good", got
        assert full.requests, "it was never asked: nothing was shown"
        assert ctl(proxy.socket, "policies")[0]["turned_away"] == len(full.requests)
        only = pooled.Server(proxy, "only", "222", answer=declines)
        got = ask(proxy, policy="222")
        assert str(got["type"]) == "3" and got["code"] in (code, "upstream-failed"), got
        for s in (full, good, only):
            s.stop()
