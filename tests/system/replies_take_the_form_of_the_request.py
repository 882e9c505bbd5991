"""type and srcid as the request's type, destid as its srcid, form included."""
from lib.bench import Bench, Peer

with Bench() as b:
    proxy = b.proxy()
    b.server("100", "111", proxy)
    b.server("PP_s", "PP_1", proxy)
    cases = [
        (b'{"type":0,"srcid":7,"privPoliId":111,"payload":"x"}', 2, 100, 7),
        (b'{"type":"0","srcid":"7","privPoliId":"111","payload":"x"}', "2", "100", "7"),
        (b'{"type":0,"srcid":"7","privPoliId":"111","payload":"x"}', 2, 100, "7"),
        (b'{"type":"0","srcid":7,"privPoliId":111,"payload":"x"}', "2", "100", 7),
        (b'{"type":0,"srcid":123456789012345678901234567890,"privPoliId":"PP_1","payload":"x"}', 2, "PP_s", 123456789012345678901234567890),
    ]
    with Peer(proxy) as p:
        for sent, *wanted in cases:
            got = p.ask(sent)
            assert [got["type"], got["srcid"], got["destid"]] == wanted, (sent, got)
            assert [type(got[k]) for k in ("type", "srcid", "destid")] == [type(w) for w in wanted]
            assert got["payloadsize"] == 40
        got = p.ask(b'{"type":0,"srcid":8,"privPoliId":999,"payload":"x"}')
        assert got["type"] == 3 and got["destid"] == 8 and got["payloadsize"] == 0 and got["payload"] == "", got
