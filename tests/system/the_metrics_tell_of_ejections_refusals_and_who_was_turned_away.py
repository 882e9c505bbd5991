"""Every family has a sample, and those that tell of trouble tell of it: a server that lies is ejected, a registration from elsewhere and
a forged one are refused, a client asks too often and another network may not ask at all."""
import json
import os
import urllib.request
from lib import exposition, plain, pooled
from lib.bench import Bench, Peer, ask, correct, ctl, request, wait_until

KEY = "key alpha\nsecret use " + "07" * 32 + "\n"


def metrics(proxy):
    port = proxy.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return exposition.read(answer.read().decode())


def register(**more):
    return json.dumps({"type": "1", "id": "x", "privPolyId": "111", "listenport": 5, "ack": "1", **more}).encode()


with Bench() as b:
    ring = b.file("keyring", KEY)
    os.chmod(ring, 0o600)
    sections = b.file("proxy.conf", 'policy "secret" { deny = "127.0.0.0/8" }\n')
    proxy = b.proxy(workers=2, options=["-c", sections, "--admin", "0", "--verify", "digest", "--trusted-networks", "127.0.0.0/30", "--keyring", ring,
                                        "--rate-per-srcid", "1", "--burst-per-srcid", "2", "--eject-time", "1h",
                                        "--narrate", "no"])
    good = b.server("good", "111", proxy, options=["--narrate", "no"])
    liar = pooled.Server(proxy, "liar", answer=lambda s, r: {**plain.reply(s.id, r), "payload": "0" * 40})
    assert all(correct(ask(proxy, srcid=f"one-{i}")) for i in range(8))
    proxy.wait_server("liar", state="ejected", ejections=1)
    assert [ask(proxy, srcid="greedy").get("code") for _ in range(3)] == [None, None, "overloaded"]
    assert ask(proxy, policy="secret")["code"] == "denied"
    with Peer(proxy) as p:
        assert p.ask(register(keyid="alpha", epoch=1))["verb"] == "challenge"
        assert p.ask(register(keyid="alpha", epoch=1, host="127.0.0.1", salt="0" * 32, mac="0" * 64))["code"] == "denied"
        assert p.ask(register(listenport=0))["code"] == "bad-message"
    told = metrics(proxy)
    assert not [name for name, samples in told.items() if not samples], [n for n, s in told.items() if not s]
    one = exposition.one
    assert one(told, "policypool_server_ejections_total", server="liar") == 1 and one(told, "policypool_server_ejections_total", server="good") == 0
    assert one(told, "policypool_events_total", event="ejected") == 1 and one(told, "policypool_events_total", event="joined") == 2
    assert one(told, "policypool_turned_away_total", by="rate_per_srcid") == 1 and one(told, "policypool_turned_away_total", by="networks") == 1
    assert one(told, "policypool_registrations_total", verb="registered") == 2 and one(told, "policypool_registrations_total", verb="challenge") == 1
    assert one(told, "policypool_registrations_refused_total", code="denied") == 1
    status = ctl(proxy.socket, "status")
    assert status["turned_away"] == {"networks": 1, "rate_per_address": 0, "rate_per_srcid": 1}, status
    assert status["registrations"]["registered"] == 2 and status["registrations_refused"]["denied"] == 1, status
    where = ("_count", ("policy", "111"))
    done = told["policypool_policy_latency_seconds"][where]
    assert done == one(told, "policypool_policy_served_total", policy="111") >= 8 and one(told, "policypool_policy_failed_total", policy="111") >= 1
    good.stop()
    wait_until(lambda: one(metrics(proxy), "policypool_events_total", event="left") == 1, "a server that left is counted")
    newer = b.server("newer", "111", proxy, options=["--narrate", "no"])
    assert correct(ask(proxy, srcid="later"))
    told = metrics(proxy)
    assert told["policypool_policy_latency_seconds"][where] == done + 1, "a policy's counts go back with a server that leaves"
    assert one(told, "policypool_policy_served_total", policy="111") == done + 1
    liar.stop()
