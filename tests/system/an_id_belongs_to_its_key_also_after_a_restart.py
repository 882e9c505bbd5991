import json
import os
from lib.bench import FOLDER, Bench, Peer
from lib.signed import Announcer, Key, write

alpha, beta = Key("alpha"), Key("beta")


def unsigned(proxy, type):
    with Peer(proxy) as p:
        return p.ask(json.dumps({"type": type, "id": "100", "privPolyId": "111", "listenport": 99, "ack": 1}).encode())


def nobody_else(proxy):
    for type in ("1", "5"):
        assert unsigned(proxy, type)["code"] == "denied"
        with Announcer(proxy, beta, port=99) as thief:
            thief.challenge()
            assert thief.say(thief.signed(type))["code"] == "denied"
    proxy.wait_for("registration refused.*key=beta why=.the id belongs to another key")
    proxy.wait_for("registration refused.*why=.the id belongs to a key")
    assert proxy.servers()["100"]["key"] == "alpha"


def earlier_life(proxy):
    with Announcer(proxy, alpha, epoch=6, port=99) as ghost:
        assert ghost.join()["code"] == "denied"
    proxy.wait_for("registration refused.*key=alpha why=.a later life of this server is registered")


with Bench() as b:
    state = os.path.join(FOLDER, "journal")
    options = ["--keyring", write(b, "ring", alpha.stanza() + beta.stanza()), "--state-file", state]
    proxy = b.proxy(options=options)
    with Announcer(proxy, alpha, epoch=7) as a:
        assert a.join()["verb"] == "registered"
        nobody_else(proxy)
        earlier_life(proxy)
    assert proxy.stop() == 0
    again = b.proxy(port=proxy.port, options=options)
    again.wait_server("100", key="alpha")
    nobody_else(again)
    earlier_life(again)
    with Announcer(again, alpha, epoch=7) as a:
        assert a.join()["verb"] == "renewed"
