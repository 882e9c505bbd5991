"""A call that is over in time gets nothing any more, and what comes late is nobody's: the next call goes over another connection, and
those that were behind it on the old one have their own answers."""
import asyncio
import signal
import threading
from lib.bench import PATIENCE, wait_until
from lib.false_proxy import FalseProxy, packet, requests, say
from lib.python_client import KINDS, Waiting, policypool as pp

let = threading.Event()


def late(proxy, connection, number):
    """On the first connection nothing is answered until it is let."""
    for request in requests(connection):
        if number == 1:
            let.wait()
        say(connection, packet(request))


for kind in KINDS:
    let.clear()
    with FalseProxy(late) as proxy, Waiting(kind, proxy.port) as client:
        e = client.failure("111", "late", timeout=0.3)
        assert type(e) is pp.ReplyTimeout and e.may_have_run, e
        let.set()
        for i in range(20):
            assert client.call("111", f"{i}").text == f"{i}"
        assert proxy.connections == 2, proxy.connections


async def behind():
    """The first of three on a connection is over, the second is given up by its caller; the third has its own answer from there."""
    let.clear()
    with FalseProxy(late) as proxy:
        async with pp.AsyncClient(proxy.port, timeout=30 * PATIENCE) as client:
            first, second, third = client.send("111", "first", timeout=0.3), client.send("111", "second"), client.send("111", "third")
            await asyncio.wait({first})
            assert isinstance(first.exception(), pp.ReplyTimeout)
            second.cancel()
            assert (await client.call("111", "elsewhere")).text == "elsewhere" and proxy.connections == 2
            let.set()
            assert (await third).text == "third"
            assert await asyncio.get_running_loop().run_in_executor(None, lambda: proxy.closed.acquire(timeout=20)), "the old one is closed"
            assert (await client.call("111", "again")).text == "again" and proxy.connections == 2

asyncio.run(behind())


def worn(proxy, connection, number):
    """A worker that ends: the second request of each connection has not run, what is behind it is answered."""
    for n, request in enumerate(requests(connection)):
        if n == 1:
            say(connection, {"type": "3", "srcid": "proxy", "destid": "1", "payload": "", "code": "shutting-down", "message": "m"})
        else:
            say(connection, packet(request))


for kind in KINDS:
    with FalseProxy(worn) as proxy, Waiting(kind, proxy.port, retries=1) as client:
        got = list(client.outcomes(("111", f"{i}") for i in range(200)))
        assert [r.text for r in got] == [f"{i}" for i in range(200)], got
        assert proxy.connections > 2, proxy.connections
        wait_until(lambda: proxy.closed.acquire(blocking=False), "a connection that is worn is closed")

# A call that is interrupted leaves nothing that the next one could take; and no two threads share a client.
class Enough(Exception):
    pass


def interrupt(*_):
    raise Enough


let.clear()
signal.signal(signal.SIGALRM, interrupt)
with FalseProxy(late) as proxy, pp.Client(proxy.port) as client:
    client.send("111", "sent before")
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        raise AssertionError(client.call("111", "interrupted"))
    except Enough:
        let.set()
    try:
        raise AssertionError(client.receive())
    except pp.ConnectionLost as e:
        assert "interrupted; the request may have run" in str(e), e
    assert client.call("111", "next").text == "next" and proxy.connections == 2

let.clear()
with FalseProxy(late) as proxy, pp.Client(proxy.port) as client:
    got = []
    thread = threading.Thread(target=lambda: got.append(client.call("111", "one")))
    thread.start()
    wait_until(lambda: proxy.connections == 1 and client._lock.locked(), "it waits")
    try:
        raise AssertionError(client.call("111", "two"))
    except RuntimeError as e:
        assert "another thread" in str(e), e
    let.set()
    thread.join()
    assert got[0].text == "one"
