"""It joins both, renews within its lease, answers text and bytes, and each failure of the function is an error of its own; a proxy that
comes back is joined again; it leaves without a lost request."""
import asyncio
import random
import threading
import time
from lib.bench import Bench, Proxy, ask, client_json, wait_until
from lib.python_client import policypool as pp
from lib.python_server import python_server

hang = threading.Event()


def work(request):
    """By the payload."""
    if request.binary:
        return request.data[::-1]
    word, _, rest = request.text.partition(" ")
    if word == "refuse":
        raise pp.HandlerFailed(f"not {rest}")
    if word == "busy":
        raise pp.Overloaded("later", retryafter=10)
    if word == "crash":
        raise ZeroDivisionError("of no concern to clients")
    if word == "wrong":
        return 5
    if word == "surrogate":
        return "\ud800"
    if word == "hang":
        hang.wait()
    if word == "who":
        return f"{request.policy} {request.client} {request.packet['also']}"
    return request.text.upper()


async def slowly(request):
    if request.text == "for ever":
        await asyncio.sleep(3600)
    await asyncio.sleep(random.uniform(0, 0.005))  # the answers are in order all the same
    return request.text.upper()


with Bench() as b:
    one, two = b.proxy(), b.proxy()
    both = f"{one.port},{two.port}"
    with python_server(work, id="500", policy="333", proxies=both, lease=1, threads=2, job_timeout=1, repeatable=True, weight=3) as server, \
            python_server(slowly, id="501", policy="444", proxies=[one.port, two.port], job="upper", job_timeout=1):
        assert server.registrations == {f"127.0.0.1:{p.port}": "joined" for p in (one, two)}, server.registrations
        for proxy in (one, two):
            told = proxy.servers()
            assert told["500"]["kind"] == "pooled" and told["500"]["job"] == "work" and told["501"]["job"] == "upper", told
            with pp.connect(proxy.port) as client:
                got = client.call("333", "hello")
                assert (got.text, got.server, got.binary) == ("HELLO", "500", False), got
                got = client.call("333", b"\x00\xff\x01")
                assert (got.data, got.binary) == (b"\x01\xff\x00", True), got
                assert client.call("333", "\u00fc\U0001f600\n\"").text == "\u00dc\U0001f600\n\""
                assert client.call("333", "who", more={"also": "there"}).text == "333 1 there"
                assert client.call("333", "").text == ""
                assert [r.text for r in client.pipeline(("444", f"a{i}") for i in range(1000))] == [f"A{i}" for i in range(1000)]
                for payload, wanted, words in (("refuse this", pp.HandlerFailed, "not this"), ("crash", pp.HandlerFailed, "ZeroDivisionError"),
                                               ("wrong", pp.HandlerFailed, "TypeError"), ("surrogate", pp.HandlerFailed, "UnicodeEncodeError"),
                                               ("hang", pp.HandlerTimeout, "longer than 1 s"), ("busy", pp.Overloaded, "later")):
                    try:
                        raise AssertionError(client.call("333", payload))
                    except pp.Refused as e:
                        assert type(e) is wanted and words in str(e) and "concern" not in str(e), (payload, e)
                try:
                    raise AssertionError(client.call("444", "for ever"))
                except pp.HandlerTimeout:
                    pass
                hang.set()
                wait_until(lambda: client.call("333", "again").text == "AGAIN", "a thread that hung works again")
                hang.clear()
        # The form of the answer is that of the request.
        got = ask(one, type=0, srcid=7, policy=333)
        assert (got["type"], got["destid"], got["srcid"], got["payload"]) == (2, 7, 500, "HELLO"), got
        assert ask(server, b'{"type":"0","srcid":"1"}\n')["code"] == "bad-message"
        assert ask(server, b'{"type":"0","srcid":"1","privPoliId":"333","payload":"a","encoding":"base64"}\n')["code"] == "bad-payload"
        assert ask(server, b"GET / HTTP/1.1\r\n")["code"] == "bad-json"

        begin = time.monotonic()
        wait_until(lambda: time.monotonic() - begin > 2.5, "more than two leases", 100)
        assert "lease ended" not in one.output + two.output

        # One of the proxies ends, and comes back.
        one.kill_group()
        b.started.remove(one)
        wait_until(lambda: "joined" not in server.registrations[f"127.0.0.1:{one.port}"], "it is missed")
        again = b.keep(Proxy(b, one.port))
        again.wait_server("500")
        wait_until(lambda: set(server.registrations.values()) == {"joined"}, "joined again")

        # It leaves under load, while a server of C stays, and nothing is lost.
        b.server("7", "555", two)
        got = {}
        with python_server(lambda r: __import__("hashlib").sha1(r.data).hexdigest(), id="8", policy="555", proxies=two.port, job="sha1"):
            load = threading.Thread(target=lambda: got.update(client_json(two, "--policy", "555", "--count", "3000", "--vary", "--size", "64",
                                                                          "--parallel", "4", "--pipeline", "8")[1]))
            load.start()
            wait_until(lambda: two.servers()["8"]["served"] > 100, "it works")
        load.join()
        assert got["correct"] == got["sent"] == 3000, got

        # Nor where nothing may be run twice: what it has in hand is answered before its end.
        ran, pause = [], [0]

        async def once(request):
            await asyncio.sleep(pause[0])
            ran.append(request.text)
            return request.text

        with python_server(once, id="21", policy="666", proxies=two.port), pp.connect(two.port, pipeline=16) as client:
            with python_server(once, id="22", policy="666", proxies=two.port):
                answers = client.pipeline(("666", f"{i}") for i in range(400))
                before = [next(answers).text for _ in range(100)]
                pause[0] = 1
                before += [next(answers).text for _ in range(16)]  # so that others are sent that take so long
                pause[0] = 0
            assert before + [r.text for r in answers] == [f"{i}" for i in range(400)]
        assert sorted(map(int, ran)) == list(range(400)), "each was run once"
    for proxy in (again, two):
        assert {"500", "501", "8", "21", "22"}.isdisjoint(proxy.servers()), proxy.servers()
