"""A server that announces repeat 0 gets a request once: where it may have run, whatever ends the connection, the client is told that it is
not known, and no other server is asked.  What has not run (not connected, declined, a server that takes leave) goes elsewhere."""
import json
import socket
import struct
import threading
from lib import plain, pooled
from lib.bench import Bench, Peer, ask, client_json, ctl, free_port, reload, request, wait_until

UNKNOWN = "; it is not known whether it ran"


def upper(server, r):
    text = "" if r.get("probe") == "1" else r["payload"].upper()
    return {"type": "2", "srcid": server.id, "destid": r["srcid"], "payloadsize": len(text), "payload": text}


def error(code, server, r, destid=None):
    return {"type": "3", "srcid": server.id, "destid": r["srcid"] if destid is None else destid, "payloadsize": 0, "payload": "", "code": code,
            "message": "not now"}


def does(how):
    """For pooled.Server(answer=): that with what clients ask, and the right answer to probes."""
    return lambda server, r: upper(server, r) if r["srcid"] == "proxy" else how(server, r)


def resets(server, r):
    server.here.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server.here.connection.shutdown(socket.SHUT_RD)  # its reader ends, and then it is closed


def ends(server, r):
    server.here.connection.shutdown(socket.SHUT_RDWR)


def hangs(server, r):
    over.wait(150)


def lies(server, r):
    return {**upper(server, r), "payloadsize": 1000}


over = threading.Event()
with Bench() as b:
    path = b.file("proxy.conf", 'eject_after = 0\nretry_budget = 100\npolicy "late" { reply_timeout = 300ms }\n')
    proxy = b.proxy(workers=1, options=["-c", path, "--narrate", "no"])
    once = {"job": "upper", "repeat": "0"}

    def join(id, policy, how, **more):
        return pooled.Server(proxy, id=id, policy=policy, also=once, answer=does(how), **more)

    # The one fails with it, and the other, which would do it well, never sees it.
    for how, policy, code, why in ((resets, "reset", "upstream-failed", "connection reset"),
                                   (ends, "end", "upstream-failed", "the server closed the connection"),
                                   (lies, "size", "upstream-failed", "payloadsize is not the reply's length"),
                                   (hangs, "late", "timeout", "no reply within reply_timeout")):
        bad, good = join(f"bad-{policy}", policy, how), join(f"good-{policy}", policy, upper)
        got = [ask(proxy, policy=policy, payload=f"p{i}") for i in range(6)]
        told = [g for g in got if g["type"] == "3"]
        assert told and all(g["code"] == code and g["message"] == f"server {bad.id}: {why}{UNKNOWN}" for g in told), got
        assert len(bad.requests) == len(told) and len(bad.requests) + len(good.requests) == 6, (policy, bad.requests, good.requests)
        assert not {r["payload"] for r in bad.requests} & {r["payload"] for r in good.requests}
        assert proxy.servers()[bad.id]["retried"] == 0 and proxy.servers()[bad.id]["failed"] == len(told), proxy.servers()
        for s in (bad, good):
            ctl(proxy.socket, "remove", s.id)
            s.stop()
    over.set()

    # A plain server, one connection a request.
    dead = plain.Server(proxy.port, id="dead", policy="plain", behave=plain.hang_up, also=once)
    proxy.wait_server("dead")
    got = ask(proxy, policy="plain")
    assert got["code"] == "upstream-failed" and got["message"].endswith(UNKNOWN), got
    assert len([r for r in dead.requests if not plain.is_probe(r)]) == 1, dead.requests
    dead.stop()

    # What has not run goes elsewhere: never connected, declined, or left behind by a server that says so.
    with socket.create_connection(("127.0.0.1", proxy.port)) as s:
        s.sendall(json.dumps({"type": "1", "id": "nobody", "privPolyId": "else", "listenport": free_port(), "ack": "1", "keepalive": "1", **once}).encode())
        assert s.recv(4096)
    full = join("full", "else", lambda server, r: error("overloaded", server, r))
    stops = join("stops", "else", lambda server, r: error("shutting-down", server, r))
    leaves = join("leaves", "else", lambda server, r: error("shutting-down", server, r, destid=""))
    good = join("good", "else", upper)
    with Peer(proxy) as p:
        for i in range(20):
            got = p.ask(request(f"else {i}", policy="else"))
            assert got["type"] == "2" and got["payload"] == f"ELSE {i}", got
    assert full.requests and stops.requests and leaves.requests, "they were never asked: nothing was shown"
    assert sorted(r["payload"] for r in good.requests) == sorted(f"else {i}" for i in range(20)), "each ran once"
    for s in (full, stops, leaves, good):
        s.stop()

    # Nowhere else: it was not run, and may come again.
    full = join("only", "full", lambda server, r: error("overloaded", server, r))
    got = ask(proxy, policy="full")
    assert got["code"] == "overloaded" and int(got["retryafter"]) > 0 and "not known" not in got["message"], got
    full.stop()

    # Under load, with reloads and an upgrade of the proxy meanwhile, and connections that end now and then: each runs once at most, and
    # whatever has no answer is said to be unknown.
    count, seen, unlucky, lock = 3000, [], [], threading.Lock()

    def sometimes(server, r):
        with lock:
            seen.append(r)
            if len(seen) % 100 > 0:
                return upper(server, r)
            unlucky.append(server.here.connection)
        return ends(server, r)
    busy = [join(f"busy-{i}", "load", sometimes, slots=8, pipeline=1) for i in range(3)]
    turns = threading.Thread(target=lambda: [reload(proxy), proxy.upgrade(), reload(proxy)])
    turns.start()
    status, told = client_json(proxy, "--policy", "load", "--payload", "x", "--count", count, "--parallel", 8, "--expect", "none", seconds=120)
    turns.join()
    for s in busy:
        s.stop()
    # A client's connection that is ended just as it asks leaves it in the dark as well, though nothing came of that.
    left = told["failed"]
    assert told["sent"] == count and told["correct"] == len(seen) - len(unlucky), (len(seen), told)
    assert told["errors"] == {"upstream-failed": len(unlucky)} and unlucky and told["resent"] == told["wrong"] == 0, (len(unlucky), told)
    assert len(seen) == count - left and set(told["failures"]) <= {"connection closed before the reply; it may have run"}, (len(seen), told)
