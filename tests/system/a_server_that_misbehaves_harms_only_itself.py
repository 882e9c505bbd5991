"""Garbage, two answers, another's destid, another type, silence, a cut answer: each costs that connection alone."""
import json
import threading
from lib import plain
from lib.bench import Bench, Peer, ask, correct, request

gate = threading.Event()


def garbage(server, c, r):
    c.sendall(b"this is no packet")


def cut(server, c, r):
    c.sendall(json.dumps(plain.reply(server.id, r)).encode()[:-10])


def nothing(server, c, r):
    pass


def another(server, c, r):
    c.sendall(json.dumps({**plain.reply(server.id, r), "destid": "somebody"}).encode())


def other_type(server, c, r):
    c.sendall(json.dumps({**plain.reply(server.id, r), "type": "0", "privPoliId": "111"}).encode())


def twice(server, c, r):
    c.sendall(json.dumps(plain.reply(server.id, r)).encode() * 2)


def late(server, c, r):
    gate.wait(20)
    c.sendall(json.dumps(plain.reply(server.id, r)).encode())


with Bench() as b:
    proxy = b.proxy(options=["--reply-timeout", "500ms", "--retries", "1"])
    b.server("1", "good", proxy)
    for behave, code in ((garbage, "upstream-failed"), (cut, "upstream-failed"), (nothing, "upstream-failed"),
                         (another, "upstream-failed"), (other_type, "upstream-failed"), (twice, None), (late, "timeout")):
        bad = plain.Server(proxy.port, id="2", policy="111", behave=behave)
        proxy.wait_server("2", addr=f"127.0.0.1:{bad.port}")
        with Peer(proxy) as p:
            got = p.ask(request(srcid="11"))
            if code is None:
                assert correct(got), (behave.__name__, got)
            else:
                assert got["code"] == code and "server 2" in got["message"] and got["destid"] == "11", (behave.__name__, got)
            assert correct(p.ask(request("mine", "good", "12")), "mine"), behave.__name__
        if behave is late:
            gate.set()
            bad.behave = None
            assert correct(ask(proxy, payload="fresh", srcid="11"), "fresh"), "a late answer reached somebody else"
        bad.stop()
