from lib.bench import Bench, Peer, ask, correct, ctl, request

with Bench() as b:
    server = b.server("1", "111", None)
    assert correct(ask(server))
    got = ask(server, policy="222")
    assert got["code"] == "unknown-policy" and "111" in got["message"], got
    with Peer(server) as p:
        assert p.ask(b'{"type":"1","id":"1","privPolyId":"1","listenport":"1"}')["code"] == "bad-message"
        assert correct(p.ask(request()))
    assert "registration" not in ctl(server.socket, "status")
