"""Bad input of every kind, to the proxy and straight to a server: its error, the connection's fate, and others served."""
from lib.bench import Bench, Peer, correct, request, still_serves

KEEPS = [  # the stream can be followed: the connection stays
    (b'[1, 2]', "bad-json"),
    (b'{"type":"0","srcid":"1","srcid":"2","privPoliId":"111","payload":""}', "bad-json"),
    (b'{"type":"0","srcid":"1","privPoliId":"111","payload":"","x":{"a":1,"\\u0061":2}}', "bad-json"),
    (b'{"type":"0","srcid":"1","privPoliId":"111","x":' + b"[" * 20 + b"]" * 20 + b',"payload":""}', "bad-json"),
    (b'{"x":' * 10000 + b"1" + b"}" * 10000, "bad-json"),
    (b'{"srcid":"1","privPoliId":"111","payload":""}', "bad-message"),
    (b'{"type":"0","privPoliId":"111","payload":""}', "bad-message"),
    (b'{"type":"0","srcid":"1","payload":""}', "bad-message"),
    (b'{"type":"0","srcid":"1","privPoliId":"111"}', "bad-message"),
    (b'{"type":"0","srcid":{},"privPoliId":"111","payload":""}', "bad-message"),
    (b'{"type":"0","srcid":"1","privPoliId":[1],"payload":""}', "bad-message"),
    (b'{"type":true,"srcid":"1","privPoliId":"111","payload":""}', "bad-message"),
    (b'{"type":"99","srcid":"1","privPoliId":"111","payload":""}', "bad-message"),
    (b'{"type":"2","srcid":"1","destid":"1","payloadsize":0,"payload":""}', "bad-message"),
    (b'{"type":"0","srcid":"1","privPoliId":"111","payload":5}', "bad-payload"),
    (b'{"type":"0","srcid":"1","privPoliId":"111","payload":null}', "bad-payload"),
    (b'{"type":"0","srcid":"1","privPoliId":"111","payload":"\xff"}', "bad-payload"),
    (b'{"type":"0","srcid":"1","privPoliId":"111","payload":"\xc0\x80"}', "bad-payload"),
    (b'{"type":"0","srcid":"1","privPoliId":"111","payload":"\xed\xa0\x80"}', "bad-payload"),
    (b'{"type":"0","srcid":"1","privPoliId":"111","payload":"\\ud800"}', "bad-payload"),
    (b'{"type":"0","srcid":"1","privPoliId":"111","payload":"\\udc00\\ud800"}', "bad-payload"),
]
LOSES = [  # it can't: an answer, then the end
    (b'hello', "bad-json"),
    (b'GET / HTTP/1.0\r\n\r\n', "bad-json"),
    (b"\xef\xbb\xbf{}", "bad-json"),
    (b"{'type':'0'}", "bad-json"),
    (b'{"type":"0",}', "bad-json"),
    (b'{"type":"0"]', "bad-json"),
    (b'{"type":NaN}', "bad-json"),
    (b'{"type":01}', "bad-json"),
    (b'{"type":"0\n"}', "bad-json"),
    (b'{"type":"0", nonsense}', "bad-json"),
]

with Bench() as b:
    proxy = b.proxy()
    server = b.server("100", "111", proxy)
    bystander = Peer(proxy)
    for port in (proxy.port, server.port):
        for data, code in KEEPS:
            with Peer(port) as p:
                got = p.ask(data)
                assert got["type"] in ("3", 3) and got["code"] == code and got["message"], (data[:80], got)
                assert got["payload"] == "" and got["payloadsize"] == 0, got
                assert correct(p.ask(request("after")), "after"), data[:80]
        for data, code in LOSES:
            with Peer(port) as p:
                got = p.ask(data)
                assert got["code"] == code, (data[:80], got)
                assert p.closed(), data[:80]
        assert correct(bystander.ask(request()))
    still_serves(proxy)
    bystander.close()
