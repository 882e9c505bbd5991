from lib.bench import Bench, Peer, sha1

CASES = [
    (rb'"\u00e9"', "é".encode()), ('"é"'.encode(), "é".encode()), (rb'"a\u0000b"', b"a\0b"), (rb'"\u0000"', b"\0"),
    (rb'"\ud83d\ude00"', "\U0001f600".encode()), (rb'"\"\\\/\b\f\n\r\t"', b'"\\/\b\f\n\r\t'), (b'""', b""),
]

with Bench() as b:
    proxy = b.proxy()
    b.server("100", "111", proxy)
    with Peer(proxy) as p:
        for text, payload in CASES:
            got = p.ask(b'{"type":"0","srcid":"1","privPoliId":"111","payload":' + text + b"}")
            assert got["payload"] == sha1(payload), (text, got)
