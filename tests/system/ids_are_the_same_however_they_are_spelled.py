"""A client's id may have any text; a plain server gives it back as its language writes it.  That is the same id, and no request
of this kind is held against the server.  A number is an id only where every peer gives it back as it was."""
import json
from lib import plain
from lib.bench import Bench, Peer, client, correct, sha1, wait_until

NAMES = [("\u00fc", '"\u00fc"'), ("\u00fc", '"\\u00fc"'), ("\u00fc", '"\\u00FC"'), ("a/b", '"a\\/b"'), ('"\\', '"\\"\\\\"'), ("\U0001f600", '"\\ud83d\\uDE00"'),
         (7, "7"), (-7, "-7"), (0, "0"), (10 ** 63, str(10 ** 63))]
NUMBERS = ["1e2", "-0", "0.10", "1E400", "1.0", "-0.0"]


def packet(srcid, policy="111"):
    return f'{{"type":"0","srcid":{srcid},"privPoliId":{policy},"payload":"x"}}'.encode()


def rounds(proxy, policy):
    """Each id four times, which is more than a server survives that fails them."""
    with Peer(proxy) as p:
        for meant, spelled in NAMES * 4:
            got = p.ask(packet(spelled, policy))
            assert correct(got, "x") and str(got["destid"]) == str(meant), (policy, spelled, got)


with Bench() as b:
    proxy = b.proxy(options=["--eject-after", "3", "--eject-share", "100", "--narrate", "no"])
    server = plain.Server(proxy.port, id="7", policy="111")
    b.server("8", "222", proxy, options=["--narrate", "no"])
    proxy.wait_server("7")
    rounds(proxy, "111")
    rounds(proxy, "222")
    with Peer(proxy) as p:
        for number in NUMBERS * 4:
            got = p.ask(packet(number))
            assert got["code"] == "bad-message" and "plain integer" in got["message"] and got["destid"] == "", (number, got)
            got = p.ask(packet("1", number))
            assert got["code"] == "bad-message" and "plain integer" in got["message"], (number, got)
        assert correct(p.ask(packet("1", '"\\u003111"')), "x"), "a policy is compared decoded as well"
    for id in ("7", "8"):
        s = proxy.servers()[id]
        assert s["state"] == "up" and s["failed"] == 0, s
    assert "upstream" not in proxy.output and "ejected" not in proxy.output, proxy.output

    # Servers and policies too: what a Python peer says of them has escapes.
    other = plain.Server(proxy.port, id="\u00fc9", policy="\u00e4\u00f6")
    proxy.wait_server("\u00fc9", policy="\u00e4\u00f6")
    assert plain.ask(proxy.port, "y", policy="\u00e4\u00f6")["payload"] == sha1("y")
    status, out, err = client(proxy, "--policy", "\u00e4\u00f6", "-id", "\u00fc", "--payload", "y")
    assert status == 0, (out, err)
    status, out, err = client(proxy, "-pkt", b.file("one.json", json.dumps({"type": 0, "srcid": "\u00fc", "privPolyId": "111", "payload": "y"})))
    assert status == 0, (out, err)
    for s in (server, other):
        assert s.broken is None, s.broken
        s.stop()
