"""Client, proxy and server, each ours or one of those that are in use, in every mix: with strings and with numbers, with either
spelling of the policy, servers that wait for an answer before they listen or answer in a way of their own, proxies that take
numbers only or say something else to an announcement."""
import itertools
from lib import plain
from lib.bench import Bench, client, sha1, wait_until

SERVERS = {
    "as strings": {},
    "as numbers": {"numbers": True},
    "privPoliId": {"spelling": "privPoliId"},
    "waits for an answer": {"waits": True},
    "waits, numbers, privPoliId": {"waits": True, "numbers": True, "spelling": "privPoliId"},
    "its port as srcid, further keys, never closes": {"closes": False, "reply": {"srcid": 2105, "Status": {"took": [1, 2]}}},
    "no srcid that is one": {"reply": {"srcid": None}},
}
PROXIES = {
    "strings": {},
    "strings, keeps the connection": {"keeps": True},
    "numbers": {"numbers": True},
    "numbers, says so": {"numbers": True, "answers": b'{"Status": "ok"}'},
    "numbers, says so and keeps": {"numbers": True, "answers": b'{"Status": "ok"}', "keeps": True},
    "strings, says no JSON": {"answers": b"OK"},
}
CLIENTS = {"as strings": {}, "as numbers": {"numbers": True}, "privPolyId": {"spelling": "privPolyId"}}


def check(mix, proxy, plain_proxy):
    """Our client and all others get their answer."""
    status, out, err = client(proxy, "-id", "5", "--policy", "111", "--payload", "mixed")
    assert status == 0, (mix, status, out, err)
    for name, how in CLIENTS.items():
        if plain_proxy and how:
            continue  # it takes the packets of its own kind alone
        reply = plain.ask(proxy.port, "mixed", srcid="5", **how)
        assert reply["payload"] == sha1("mixed") and str(reply["destid"]) == "5", (mix, name, reply)


def check_answer(name, how, answer):
    wanted = 4 if how.get("numbers") else "4"
    assert answer["type"] == wanted and answer["verb"] == "registered", (name, answer)


with Bench() as b:
    proxy = b.proxy()
    for name, how in SERVERS.items():
        server = plain.Server(proxy.port, id="7", **how)
        proxy.wait_server("7")
        if how.get("waits"):
            check_answer(name, how, server.answer)
        check(name, proxy, False)
        assert server.broken is None, (name, server.broken)
        server.stop()
    own = b.server("7", "111", proxy)
    check("all ours", proxy, False)
    own.stop()

    for (name, how), own_server in itertools.product(PROXIES.items(), (True, False)):
        strange = plain.Proxy(**how)
        if own_server:
            server = b.server("8", "111", strange.port, options=["--ack-timeout", "300ms"])
        else:
            server = plain.Server(strange.port, id="8", numbers=how.get("numbers", False))
        wait_until(lambda: strange.announcements, f"the announcement to: {name}")
        if own_server:
            # In strings, and once more in numbers for those that take nothing else.
            wait_until(lambda: len(strange.said) == 2, f"both announcements to: {name}")
            first, second = strange.said
            assert all(isinstance(v, str) for v in first.values()), (name, first)
            assert second["type"] == 1 and second["listenport"] == server.port and second["id"] == "8", (name, second)
            wait_until(lambda: "announced to a proxy that does not acknowledge" in server.output, f"the end of announcing to: {name}")
        check((name, own_server), strange, True)
        server.stop()
        strange.stop()
