"""What clients, proxies and servers say, of C and Python, plain and signed, is valid by doc/packets.schema.json; and what the proxy refuses
is not, while what it takes is."""
import json
from lib.bench import Bench, Peer, ask, client, request, sha1, wait_until
from lib.job_options import ROOT
from lib.plain import Server as PlainServer
from lib.python_client import policypool as pp
from lib.python_server import python_server
from lib.schema import Schema
from lib.signed import Key, write
from lib.tap import Tap

with open(f"{ROOT}/doc/packets.schema.json") as f:
    schema = Schema(json.load(f))

REFUSED = (
    {"type": "0", "srcid": "1", "payload": "a"}, {"type": "0", "privPoliId": "111", "payload": "a"}, {"type": "0", "srcid": "1", "privPoliId": "111"},
    {"type": "0", "srcid": "", "privPoliId": "111", "payload": "a"}, {"type": "0", "srcid": "1", "privPoliId": 'a"', "payload": "a"},
    {"type": "0", "srcid": "1", "privPoliId": "111", "payload": 5}, {"type": "0", "srcid": True, "privPoliId": "111", "payload": "a"},
    {"type": "0", "srcid": "x" * 65, "privPoliId": "111", "payload": "a"}, {"type": "0", "srcid": "a\u0001", "privPoliId": "111", "payload": "a"},
    {"type": "0", "srcid": "\u0085", "privPoliId": "111", "payload": "a"}, {"type": "6", "srcid": "1"}, {"type": None}, {"srcid": "1"}, {},
    {"type": "1", "id": "9", "privPolyId": "111"}, {"type": "1", "id": "9", "privPolyId": "111", "listenport": "0"},
    {"type": "1", "id": "9", "privPolyId": "111", "listenport": 65536}, {"type": "1", "id": "9", "privPolyId": "111", "listenport": "x"},
    {"type": "1", "id": "9\\", "privPolyId": "111", "listenport": "1"}, {"type": "1", "id": "9", "privPolyId": "111", "listenport": "1", "ack": "2"},
    {"type": "1", "id": "9", "privPolyId": "111", "listenport": "1", "weight": 1001}, {"type": "1", "id": "9", "privPolyId": "111", "listenport": "1", "lease": "0"},
    {"type": "1", "id": "9", "privPolyId": "111", "listenport": "1", "host": "a b"}, {"type": "1", "id": "9", "privPolyId": "111", "listenport": "1", "host": 5},
    {"type": "1", "id": "9", "privPolyId": "111", "listenport": "1", "host": "unix:/s"}, {"type": "1", "id": "9", "privPolyId": "111", "listenport": "0", "host": "unix:s"},
    {"type": "1", "id": "9", "privPolyId": "111", "listenport": "1", "job": ""}, {"type": "1", "id": "9", "privPolyId": "111", "listenport": "1", "jobkeys": "a=1"},
    {"type": "1", "id": "9", "privPolyId": "111", "listenport": "1", "keyid": "a", "salt": "00"}, {"type": "1", "id": "9", "privPolyId": "111", "listenport": "1", "keyid": "a", "mac": "G" * 64},
    {"type": "5", "privPolyId": "111"}, {"type": "5", "id": "9"},
)
TAKEN = (
    {"type": 0, "srcid": 1, "privPoliId": 111, "payload": "a"}, {"type": "0", "srcid": "\u00fc", "privPolyId": "111", "payload": "\u0000", "payloadsize": "9"},
    {"type": "0", "srcid": "1", "privPoliId": "111", "privPolyId": 111, "payload": "a", "extra": {"a": [1, None]}},
    {"type": 0, "srcid": 'a"\\', "privPoliId": "111", "payload": ""}, {"type": "0", "srcid": "x" * 64, "privPoliId": "111", "payload": "a"},
)


def refusal(proxy, packet):
    """The code that the proxy has for it, None: it takes it."""
    with Peer(proxy) as p:
        got = p.ask(json.dumps(packet).encode())
    return got.get("code")


alpha = Key("alpha")
with Bench() as b:
    ring = write(b, "ring", alpha.stanza("policies 222 333"))
    key = write(b, "key", f"secret {alpha.secret.hex()}\n")
    proxy = b.proxy(options=["--keyring", ring, "--check-interval", "200ms", "--proxies", "127.0.0.1:1", "--narrate", "no"])
    tap = Tap(proxy)
    quiet = ["--narrate", "no", "--lease", "1s"]
    b.server("1", "111", tap.port, options=quiet)
    b.server("2", "222", tap.port, options=[*quiet, "--key-file", key, "--key-id", "alpha"])
    plain = PlainServer(tap.port, id="3", policy="444")
    asked = []
    with python_server(lambda r: asked.append(r.packet) or r.text, id="4", policy="333", proxies=tap.port, lease=1, key_file=key, key_id="alpha", job="echo"), \
            python_server(lambda r: r.data, id="5", policy="555", proxies=tap.port, lease=1, job="bytes"):
        for id in "12345":
            proxy.wait_server(id)
        for policy in ("111", "222", "444"):
            assert client(tap.port, "--policy", policy, "--payload", "hello")[0] == 0
        assert client(tap.port, "--policy", "111", "--payload", "hello", "--encoding", "base64")[0] == 0
        with pp.connect(tap.port) as c:
            assert [r.text for r in c.pipeline([("111", "a"), ("333", "b")])] == [sha1("a"), "b"]
            assert c.call("555", b"\xff").binary and c.call("333", "d", more={"traceparent": "x"}).text == "d"
            for policy, payload in (("999", "a"), ("111", "x" * (2 << 20))):
                try:
                    raise AssertionError(c.call(policy, payload))
                except pp.Refused as e:
                    print(e)
        ask(tap.port, b"no JSON\n")
        ask(tap.port, request(type=0, srcid=7, policy=111))
        wait_until(lambda: [o.get("verb") for o in tap.objects].count("renewed") >= 6, "each has renewed")
    wait_until(lambda: [o.get("verb") for o in tap.objects].count("deregistered") >= 2, "both have left")
    plain.stop()
    heard = [*tap.objects, *asked, *map(json.loads, plain.requests)]
    kinds = {}
    for packet in heard:
        found = schema.problem(packet)
        assert found is None, f"{found}\n{packet}"
        kinds.setdefault(str(packet["type"]), []).append(packet)
    print({k: len(v) for k, v in kinds.items()})
    assert set(kinds) == set("012345"), set(kinds)
    seen = {key for packet in heard for key in packet}
    assert {"keyid", "epoch", "salt", "mac", "nonce", "proxies", "proxiesmac", "pipeline", "slots", "lease", "job", "repeat", "encoding", "code", "traceparent"} <= seen, seen
    tap.close()

    for packet in REFUSED:
        assert schema.problem(packet) is not None, packet
        assert (refusal(proxy, packet) or "").startswith("bad-"), packet
    for packet in TAKEN:
        assert schema.problem(packet) is None, (packet, schema.problem(packet))
        assert refusal(proxy, packet) is None, packet
    assert schema.looked_at == set(schema.root["$defs"]), "each definition is used"
