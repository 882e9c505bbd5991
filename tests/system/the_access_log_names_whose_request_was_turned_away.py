"""Denied networks, rates and what is no request: srcid and policy stand in the line wherever they could be read."""
import os
import re
from lib.bench import FOLDER, Bench, Peer, ask, correct, request, wait_until

LOG = os.path.join(FOLDER, "access.log")


def lines():
    with open(LOG) as f:
        return [dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^ "]*)(?: |$)', line)) for line in f.read().splitlines()]


def told(n):
    wait_until(lambda: os.path.exists(LOG) and len(lines()) == n, f"{n} lines")
    return [(f["outcome"], f["srcid"], f["policy"]) for f in lines()]


with Bench() as b:
    sections = b.file("proxy.conf", 'policy "secret" { deny = "127.0.0.0/8" }\n')
    proxy = b.proxy(workers=1, options=["-c", sections, "--access-log", "all", "--access-log-file", LOG,
                                        "--rate-per-srcid", "1", "--burst-per-srcid", "1", "--strict-payloadsize"])
    b.server("1", "111", proxy)
    assert ask(proxy, policy="secret", srcid="me")["code"] == "denied"
    assert told(1)[-1] == ("denied", "me", "secret")
    assert correct(ask(proxy, srcid="greedy")) and ask(proxy, srcid="greedy")["code"] == "overloaded"
    assert told(3)[-1] == ("overloaded", "greedy", "111")
    with Peer(proxy) as p:
        assert p.ask(b'{"type":"0","srcid":"7","privPoliId":"111","payloadsize":"5","payload":"x"}')["type"] == "3"
        assert told(4)[-1] == ("bad-message", "7", "111")
        assert p.ask(b'{"type":"0","srcid":"8","privPoliId":"111","payload":5}')["code"] == "bad-payload"
        assert told(5)[-1][:2] == ("bad-payload", "8")
        assert p.ask(b'nonsense')["type"] == "3"
        assert told(6)[-1] == ("bad-json", "-", "-")
