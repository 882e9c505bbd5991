"""Two proxies that stand in each other's pools send a request back and forth until its time is over.  The first to see that a
request which it sent as a probe has come back takes the other one out of its registry, says so, and serves on with the servers
that are left.  A proxy in front of a proxy is no loop, and is left alone."""
import json
from lib.bench import Bench, Peer, ask, correct, ctl, request, wait_until

POOLED = {"keepalive": "1", "slots": "100", "pipeline": "64"}
WHY = "it leads back to this proxy, which is among its servers"


def announce(proxy, id, policy, at):
    with Peer(proxy) as p:
        got = p.ask(json.dumps({"type": "1", "id": id, "privPolyId": policy, "listenport": str(at.port), **POOLED}).encode())
    assert got.get("verb") == "registered", got


def taken_out(proxy):
    return [e for e in ctl(proxy.socket, "events") if e["event"] == "removed" and e["why"] == WHY]


with Bench() as b:
    # No answer of a server ends the loop before the clocks do.
    clocks = ["--reply-timeout", "60s", "--queue-timeout", "500ms"]
    one, two = b.proxy(options=clocks), b.proxy(options=clocks)
    announce(one, "two", "111", two)
    announce(two, "one", "111", one)
    with Peer(one, seconds=30) as p:
        got = p.ask(request())
    assert got["code"] in ("no-server", "upstream-failed", "overloaded"), got
    wait_until(lambda: not ({"one", "two"} <= one.servers().keys() | two.servers().keys()), "the loop is cut")
    assert taken_out(one) or taken_out(two)
    wait_until(lambda: 'msg="server taken out"' in one.output + two.output, "its line")

    # Servers of both are served by as before.
    b.server("own-of-one", "111", one)
    b.server("own-of-two", "111", two)
    assert correct(ask(one)) and correct(ask(two))

    # In a row: the probes of the one in front come to the server behind, and everybody is well.
    behind = b.proxy()
    front = b.proxy(options=["--health-check", "request", "--check-interval", "100ms"])
    b.server("real", "row", behind)
    announce(front, "behind", "row", behind)
    assert correct(ask(front, policy="row"))
    wait_until(lambda: (front.servers()["behind"]["last_check"] or "").startswith("passed"), "a probe that passed")
    assert correct(ask(front, policy="row")) and not taken_out(front) and not taken_out(behind)
