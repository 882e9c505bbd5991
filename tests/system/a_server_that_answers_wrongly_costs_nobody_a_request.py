"""Each way to answer badly has its name in ppool-ctl, and no client hears of it while another server lives."""
import json
from lib import plain
from lib.bench import Bench, ask, correct, sha1, wait_until


def garbage(server, c, r):
    c.sendall(b"this is no packet")


def text(server, c, r):
    c.sendall(b'{"type":"2"}')


def silent(server, c, r):
    c.settimeout(20)
    c.recv(1)  # until the proxy gives up


ways = (
    (plain.hang_up, "the server closed the connection"),
    (plain.cut, "the reply was cut"),
    (garbage, "the reply is no packet"),
    (text, "the reply is no packet"),
    (silent, "no reply within "),
    (plain.answer_with(destid="somebody"), "the reply is for another client"),
    (plain.answer_with(type="0", privPoliId="111"), "the reply has another type than 2"),
    (plain.answer_with(payloadsize=41), "payloadsize is not the reply's length"),
    (plain.answer_with(payload=sha1("hello").upper()), "the reply is no SHA-1 digest"),
    (plain.answer_with(payload=sha1("another")), "the reply is not the payload's digest"),
)

with Bench() as b:
    sections = b.file("proxy.conf", 'policy "111" { verify = digest }\n')
    proxy = b.proxy(workers=1, options=["-c", sections, "--reply-timeout", "200ms", "--eject-time", "1h", "--eject-max", "1h"])
    b.server("1", "111", proxy)
    for behave, reason in ways:
        bad = plain.Server(proxy.port, id="2", behave=behave)
        proxy.wait_server("2", addr=f"127.0.0.1:{bad.port}")
        count = [0]

        def until_ejected():
            count[0] += 1
            r = ask(proxy)
            assert correct(r) and r["srcid"] == "1", (reason, r)
            return proxy.servers()["2"]["state"] == "ejected"

        wait_until(until_ejected, reason)
        row = proxy.servers()["2"]
        assert reason in row["reason"], (reason, row)
        if "payload's digest" in reason:
            assert len(bad.requests) == 1, "one lie is enough"
        bad.stop()
    # Where only the shape is asked for, a lie of the right shape passes.
    liar = plain.Server(proxy.port, id="3", policy="222", behave=plain.answer_with(payload=sha1("another")))
    proxy.wait_server("3")
    got = ask(proxy, policy="222")
    assert got["type"] == "2" and got["payload"] == sha1("another"), got
    liar.stop()
