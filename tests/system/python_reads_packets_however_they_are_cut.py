"""A byte at a time, several in a segment, over several lines, without a line's end, with everything in strings that could be taken for
an end: both clients and the server read the same."""
import json
from lib.bench import Peer
from lib.false_proxy import FalseProxy, packet, requests
from lib.python_client import KINDS, Waiting
from lib.python_server import python_server

HARD = ['"', "\\", '\\"', "}", "{", "[[[[[[[[[[[[[[[[[[[[", "\n}\n", '"}\n{"a":"', "\\\\", '\\\\"}', "\u00fc\U0001f600", "\x00\x1f\x7f", "", "x" * 3000, '\\"' * 500,
        "\u2028\u2029", "\t \r\n", b"\x00\xff", b""]


def encodings(answer):
    yield json.dumps(answer).encode()
    yield json.dumps(answer, ensure_ascii=False).encode() + b"\n"
    yield json.dumps(answer, indent=1).encode() + b"\r\n"
    yield b"\n\t " + json.dumps({"a": {"b": [1, [2.5, None, True]]}, **answer}, separators=("\n,\n", "\n:\n")).encode() + b" "


def pieces(size):
    def behave(proxy, connection, number):
        for n, request in enumerate(requests(connection)):
            form = list(encodings({**packet(request), **({"encoding": "base64"} if "encoding" in request else {})}))
            data = form[n % len(form)]
            for at in range(0, len(data), size):
                connection.sendall(data[at:at + size])
    return behave


def gathered(proxy, connection, number):
    """The answers to eight requests in one write."""
    waiting = []
    for n, request in enumerate(requests(connection)):
        form = list(encodings({**packet(request), **({"encoding": "base64"} if "encoding" in request else {})}))
        waiting.append(form[n % len(form)])
        if len(waiting) == 8:
            connection.sendall(b"".join(waiting))
            waiting = []


for kind in KINDS:
    for behave in (pieces(1), pieces(7), pieces(1 << 20), gathered):
        payloads = (HARD * 4 * 8)[:len(HARD) * 32 if behave is not pieces else None]
        if behave is gathered:
            payloads = payloads[:len(payloads) // 8 * 8]
        elif "x" * 3000 in payloads:
            payloads = payloads[:len(HARD) * 4]
        with FalseProxy(behave) as proxy, Waiting(kind, proxy.port) as client:
            got = list(client.outcomes(("111", p) for p in payloads))
            for p, r in zip(payloads, got):
                assert not isinstance(r, Exception) and r.data == (p if isinstance(p, bytes) else p.encode()), (kind, p, r)
            assert len(got) == len(payloads) and proxy.connections == 1

with python_server(lambda request: request.data if request.binary else request.text, id="1", policy="111", proxies=None) as server:
    for form in range(4):
        with Peer(server) as peer:
            for p in HARD:
                if isinstance(p, str):
                    data = list(encodings({"type": "0", "srcid": "\u00fc", "privPoliId": "111", "payload": p}))[form]
                    for at in range(0, len(data), 5 if len(data) < 1000 else 500):
                        peer.send(data[at:at + (5 if len(data) < 1000 else 500)])
                    got = peer.read()
                    assert got["payload"] == p and got["destid"] == "\u00fc" and got["payloadsize"] == len(p.encode()), (form, p, got)
