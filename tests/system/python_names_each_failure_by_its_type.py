"""Whatever the other side does, both clients of Python end a call in time, with an error of its own type, and close what lied."""
import json
import time
from lib.bench import SLOW, free_port
from lib.false_proxy import FalseProxy, answering, packet, refusing, requests, say, saying
from lib.python_client import KINDS, Waiting, policypool as pp

SOON = 15 * SLOW  # s, in which a call with a timeout of a second has ended on any machine
HUGE = b'{"type":"2","srcid":"s","destid":"1","payload":"' + b"x" * (1 << 20)


def hang_up(proxy, connection, number):
    """Without a word."""


def hang_up_after_reading(proxy, connection, number):
    next(requests(connection))


def cut(proxy, connection, number):
    for request in requests(connection):
        connection.sendall(b'{"type":"2","srcid":"s","destid":"1","payload":"hel')
        return


def silent(proxy, connection, number):
    for _ in requests(connection):
        pass


def deaf(proxy, connection, number):
    proxy.over.wait()


def flood(proxy, connection, number):
    next(requests(connection))
    connection.sendall(HUGE)
    for _ in range(100):
        connection.sendall(HUGE[-(1 << 20):])
    proxy.over.wait()


def blank(proxy, connection, number):
    """White space for ever, which is no answer."""
    while not proxy.over.is_set():
        connection.sendall(b" \n" * 1000)


def twice(proxy, connection, number):
    for request in requests(connection):
        say(connection, (json.dumps(packet(request)) + "\n").encode() * 2)


def again_later(proxy, connection, number):
    """Each reply once more, as the answer to the next request."""
    last = None
    for request in requests(connection):
        say(connection, packet(last or request))
        last = request


# What it does, what a call ends with, may it have run, words of the message.
WRONG = (
    (hang_up_after_reading, pp.ConnectionLost, True, "closed before the reply; the request may have run"),
    (cut, pp.ReplyCut, True, "within a reply"),
    (answering(destid="2"), pp.ProtocolError, True, "an answer to '2' and not to '1'"),
    (answering(destid=True), pp.ProtocolError, True, "an answer to"),
    (answering(type="4"), pp.ProtocolError, True, "is no answer"),
    (answering(type="0"), pp.ProtocolError, True, "is no answer"),
    (answering(payload=5), pp.ProtocolError, True, "without a payload"),
    (answering(encoding="base64", payload="a b"), pp.ProtocolError, True, "without a payload"),
    (answering(encoding="rot13"), pp.ProtocolError, True, "the encoding is"),
    (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), pp.ProtocolError, True, "must begin with {"),
    (saying(b"{'type': 2}\n"), pp.ProtocolError, True, ""),
    (saying(b"{}\n"), pp.ProtocolError, True, "is no answer"),
    (saying(b'{"type":"2","destid":"1","destid":"1","payload":""}\n'), pp.ProtocolError, True, "a key twice"),
    (saying(b'{"type":"2","destid":"1","payload":"\xff"}\n'), pp.ProtocolError, True, ""),
    (saying(b'{"type":"2","destid":"1","payload":"\\ud800"}\n'), pp.ProtocolError, True, ""),
    (saying(b'{"type":"2","destid":1e0,"payload":""}\n'), pp.ProtocolError, True, "an answer to"),
    (saying(b'{"type":2,"n":' + b"9" * 5000 + b"}\n"), pp.ProtocolError, True, "no plain integer"),
    (saying(b'{"a":' * 100000), pp.ProtocolError, True, "nested deeper"),
    (saying(b'{"a":' + b"[" * 500 + b"]" * 500 + b"}\n"), pp.ProtocolError, True, "nested deeper"),
    (saying(b'{"type":"3","destid":"1"}\n'), pp.ProtocolError, True, "without a code"),
    (saying(b'{"type":"3","destid":"1","code":"denied","message":"\\udc00"}\n'), pp.ProtocolError, True, ""),
)


def check(kind, behave, wanted, may_have_run, words, **options):
    with FalseProxy(behave) as proxy, Waiting(kind, proxy.port, **{"timeout": 10 * SLOW, "retries": 1, **options}) as client:
        begin = time.monotonic()
        e = client.failure("111", "hello")
        told = f"{kind} {getattr(behave, '__name__', behave)} {type(e).__name__}: {e}"
        assert type(e) is wanted and e.may_have_run is may_have_run and words in str(e), told
        assert time.monotonic() - begin < SOON, told
        assert e.code is None and e.retryafter is None, told
        if issubclass(wanted, pp.ProtocolError):
            assert proxy.closed.acquire(timeout=20), f"{told}: the connection is not closed"


for kind in KINDS:
    for case in WRONG:
        check(kind, *case)
    for behave in (silent, blank, deaf):
        check(kind, behave, pp.ReplyTimeout, True, "no answer in time", timeout=0.5)
    check(kind, flood, pp.ProtocolError, True, "larger than 67108864 bytes")
    check(kind, hang_up, pp.ConnectionLost, True, "", resend=True)
    check(kind, deaf, pp.Unreachable, False, "no connection in time", tls=True, insecure=True, connect_timeout=0.3)
    check(kind, saying(b""), pp.Unreachable, False, "", tls=True, insecure=True, connect_timeout=1)

    # Nobody is there.
    port = free_port()
    with Waiting(kind, f"{port},unix:/nonexistent/p.sock", retries=1) as client:
        e = client.failure("111", "hello")
        assert type(e) is pp.Unreachable and e.may_have_run is False, e
        assert f"127.0.0.1:{port}: " in str(e) and "unix:/nonexistent/p.sock: No such file or directory" in str(e), e

    # More than goes out at once, to one that does not read.
    with FalseProxy(deaf) as proxy, Waiting(kind, proxy.port) as client:
        e = client.failure("111", "x" * (30 << 20), timeout=1)
        assert type(e) is pp.ReplyTimeout and e.may_have_run, e
        e = client.failure("111", "x" * (65 << 20))
        assert type(e) is pp.TooLarge and not e.may_have_run and proxy.connections <= 2, e

    # A packet that answers nothing ends the connection, and not the answer before it.
    with FalseProxy(twice) as proxy, Waiting(kind, proxy.port, retries=1) as client:
        assert client.call("111", "one").text == "one"
        got = client.call("111", "two", resend=True)
        assert got.text == "two" and proxy.closed.acquire(timeout=20) and proxy.connections == 2, got

    # Nor is a reply that comes once more taken for the next one, where each request has an id of its own.
    with FalseProxy(again_later) as proxy, Waiting(kind, proxy.port, distinct=True, retries=1) as client:
        assert client.call("111", "one").text == "one"
        e = client.failure("111", "two", resend=True)
        assert type(e) is pp.ProtocolError and "an answer to '1-1' and not to '1-2'" in str(e) and proxy.closed.acquire(timeout=20), e

    # Each code is a type.
    for code, wanted in (("bad-json", pp.BadJson), ("bad-message", pp.BadMessage), ("bad-payload", pp.BadPayload), ("too-large", pp.TooLarge),
                         ("unknown-policy", pp.UnknownPolicy), ("no-server", pp.NoServer), ("overloaded", pp.Overloaded),
                         ("timeout", pp.UpstreamTimeout), ("upstream-failed", pp.UpstreamFailed), ("denied", pp.Denied),
                         ("handler-failed", pp.HandlerFailed), ("handler-timeout", pp.HandlerTimeout), ("shutting-down", pp.ShuttingDown),
                         ("of-tomorrow", pp.Refused)):
        runs = code in ("timeout", "upstream-failed", "handler-failed", "handler-timeout", "of-tomorrow")
        with FalseProxy(refusing(code, retryafter=1500)) as proxy, Waiting(kind, proxy.port, retries=1) as client:
            e = client.failure("111", "hello", resend=True)
            assert type(e) is wanted and e.code == code and e.retryafter == 1500 and e.may_have_run is runs, (kind, code, e)
            assert f"{code}: about {code}" == str(e) and e.message == f"about {code}", e
            assert proxy.connections == (1 if code != "shutting-down" else 2), "an error is an answer, and not asked for again"
print("each ended in time")
