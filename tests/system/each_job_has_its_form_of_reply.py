"""Replies are judged by what the server's job is: a digest's digits, a key's name and digits, any text.  What is not that, or no UTF-8, or
no packet, is not passed on, and counts against the server; verify = packet takes any payload.  Errors of a handler are the request's own."""
import hashlib
import json
import threading
from lib import plain, pooled
from lib.bench import Bench, Peer, ask, ctl, request, wait_until


def replies(payload, **more):
    """For pooled.Server(answer=): that payload, or what it makes of the request."""
    def answer(server, r):
        text = "" if r.get("probe") == "1" else payload(r) if callable(payload) else payload
        return {"type": "2", "srcid": server.id, "destid": r["srcid"], "payloadsize": len(text.encode()), "payload": text, **more}
    return answer


def sha256(r):
    return hashlib.sha256(r["payload"].encode()).hexdigest()


def join(policy, job, answer, id=None):
    return pooled.Server(proxy, id=id or f"{job}-{policy}", policy=policy, also={"job": job}, answer=answer)


def reason(id):
    return proxy.servers()[id]["reason"]


with Bench() as b:
    path = b.file("proxy.conf", "health_check = request\ncheck_interval = 100ms\neject_after = 0\nretry_budget = 100\n"
                                'policy "lax" { verify = packet }\npolicy "strict" { verify = digest }\n')
    proxy = b.proxy(workers=1, options=["-c", path, "--narrate", "no"])
    servers = [join("upper", "upper", replies(lambda r: r["payload"].upper())), join("256", "sha256", replies(sha256)),
               join("strict", "sha256", replies(sha256)), join("hmac", "hmac-sha256", replies("k1:" + "0" * 64)),
               join("lax", "sha512", replies(lambda r: "anything")), join("b64", "bytes", replies("AAH/", encoding="base64"))]

    # What is right reaches the client.
    for payload in ("hé \n\x00\U0001f600", "", "x" * 100000):
        got = ask(proxy, policy="upper", payload=payload)
        assert got["type"] == "2" and got["payload"] == payload.upper(), str(got)[:300]
    for policy in ("256", "strict"):
        assert ask(proxy, policy=policy)["payload"] == sha256({"payload": "hello"})
    assert ask(proxy, policy="hmac")["payload"] == "k1:" + "0" * 64
    assert ask(proxy, policy="lax")["payload"] == "anything"
    got = ask(proxy, policy="b64", payload="AAH/", encoding="base64")
    assert (got["payload"], got["encoding"], got["payloadsize"]) == ("AAH/", "base64", 4), got
    assert servers[-1].requests[-1]["encoding"] == "base64", "it is the server's to read"

    # They are probed: by their digest, or for nothing to be run; all stay well, "lax" too, whose replies are no digest.
    wait_until(lambda: all(len(s.probes) > 3 for s in servers), "probes")
    for s in servers:
        assert all(p["payload"].startswith("policypool ") for p in s.probes), (s.id, s.probes)
        asked = {p.get("probe") for p in s.probes}
        assert asked == ({None} if "sha" in s.id and "hmac" not in s.id else {"1"}), (s.id, asked)
    assert all(s["state"] == "up" and s["last_check"].startswith("passed") for s in proxy.servers().values()), proxy.servers()

    # A client that asks as a probe does gets what a probe gets, and nobody is blamed.
    got = ask(proxy, policy="hmac", probe="1")
    assert (got["type"], got["payload"]) == ("2", ""), got
    assert not reason("hmac-sha256-hmac"), proxy.servers()

    # What is wrong goes to another server: each bad one has a good one beside it.
    def raw(data):
        def behave(server, connection, r):
            text = data if r["srcid"] != "proxy" else b'{"type":"2","srcid":"1","destid":"proxy","payload":""}'
            connection.sendall(text.replace(b"ID", r["srcid"].encode()))
        return behave

    bad = {"no UTF-8": (raw(b'{"type":"2","srcid":"1","destid":"ID","payload":"\xff\xfe"}'), "the reply is no packet"),
           "no JSON": (raw(b'upper\n'), "the reply is no packet"),
           "no text": (raw(b'{"type":"2","srcid":"1","destid":"ID","payload":5}'), "the reply is no packet"),
           "size": (raw(b'{"type":"2","srcid":"1","destid":"ID","payloadsize":7,"payload":"x"}'), "payloadsize is not the reply's length")}
    for name, (behave, why) in bad.items():
        other = plain.Server(proxy.port, id=name, policy="upper", behave=behave, also={"job": "upper"})
        proxy.wait_server(name)
        wait_until(lambda: ask(proxy, policy="upper")["payload"] == "HELLO" and reason(name) == why, f"{name}: {proxy.servers()[name]}")
        ctl(proxy.socket, "remove", name)
        other.stop()
    liar = join("256", "sha256", lambda server, r: replies("0" * 40 if r["srcid"] != "proxy" else sha256)(server, r), id="short")
    wait_until(lambda: ask(proxy, policy="256")["payload"] == sha256({"payload": "hello"})
               and reason("short") == "the reply does not have its job's form", "the short digest is seen")
    liar.stop()
    ctl(proxy.socket, "remove", "short")

    # A handler's error is the request's own: passed on as it is, not tried again, and nobody is blamed.
    for code in ("handler-failed", "handler-timeout", "bad-payload"):
        failing = join("fails", "fails", lambda server, r: replies("")(server, r) if r["srcid"] == "proxy" else
                       {"type": "3", "srcid": server.id, "destid": r["srcid"], "payloadsize": 0, "payload": "", "code": code, "message": "handler: no"})
        got = ask(proxy, policy="fails")
        assert (got["code"], got["message"], got["srcid"]) == (code, "handler: no", failing.id), got
        assert len(failing.requests) == 1 and not reason(failing.id), proxy.servers()
        shown = proxy.servers()[failing.id]
        assert shown["served"] == 1 and shown["failed"] == 0 and shown["retried"] == 0, shown
        failing.stop()
        ctl(proxy.socket, "remove", failing.id)
    for s in servers:
        s.stop()
