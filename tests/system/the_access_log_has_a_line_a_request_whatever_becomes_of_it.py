"""As many lines as requests, with servers that fail and clients that leave; nothing torn over several workers."""
import os
import re
import signal
import socket
import struct
from collections import Counter
from lib.bench import FOLDER, Bench, Peer, ask, client_json, correct, request, wait_until
from lib.plain import Server

LOG = os.path.join(FOLDER, "access.log")
PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^ "]*)(?: |$)')


def lines(path=LOG):
    for line in open(path).read().splitlines():
        assert re.fullmatch(rf"(?:{PAIR.pattern})+", line), line
        yield dict(PAIR.findall(line))


def count(path=LOG):
    return Counter(f["outcome"] for f in lines(path))


with Bench() as b:
    proxy = b.proxy(workers=3, options=["--access-log", "all", "--access-log-file", LOG, "--queue-timeout", "300ms", "--narrate", "no",
                                        "--reply-timeout", "400ms", "--retries", "0"])
    b.server("1", "111", proxy, options=["--narrate", "no"])
    b.server("2", "111", proxy, options=["--narrate", "no"])
    status, got = client_json(proxy, "--policy", "111", "--count", 5000, "--parallel", 16, "--size", 50)
    assert got["correct"] == 5000, got
    wait_until(lambda: count() == {"ok": 5000}, "5000 lines")
    by = Counter(f["server"] for f in lines())
    assert by["1"] + by["2"] == 5000 and min(by.values()) > 2000, by
    with Peer(proxy) as p:
        here = "%s:%d" % p.socket.getsockname()
        assert correct(p.ask(request(srcid="who = me")))
    wait_until(lambda: len(list(lines())) == 5001, "the line")
    f = list(lines())[-1]
    assert f["client"] == here and f["srcid"] == '"who = me"' and f["policy"] == "111" and f["server"] in "12", f
    assert f["tries"] == "1" and int(f["bytes_in"]) == len(request(srcid="who = me")) and int(f["bytes_out"]) > 90, f
    assert int(f["reply_us"]) > 0 and int(f["queue_us"]) + int(f["connect_us"]) + int(f["reply_us"]) <= int(f["total_us"]) + 3, f
    os.rename(LOG, LOG + ".1")
    proxy.send_signal(signal.SIGUSR1)
    wait_until(lambda: os.path.exists(LOG), "the file opened anew")
    # Everything that goes wrong has a line, and why.
    assert ask(proxy, policy="222")["code"] == "unknown-policy"
    assert ask(proxy, b"nonsense")["code"] == "bad-json"
    assert ask(proxy, b'{"type":"2"}\n')["code"] == "bad-message"
    silent = Server(proxy.port, id="3", policy="333", behave=lambda server, connection, message: connection.recv(1))
    proxy.wait_server("3")
    assert ask(proxy, policy="333")["code"] == "timeout"
    with Peer(proxy) as p:
        p.send(request(policy="333"))
        wait_until(lambda: proxy.servers()["3"]["in_flight"] == 1, "a request in flight")
        p.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # it does not want its answer
    wait_until(lambda: count()["client-gone"] == 1, "the client's leaving")
    cutting = Server(proxy.port, id="4", policy="444", behave=lambda server, connection, message: connection.sendall(b'{"type"'))
    cutting.closes = True
    proxy.wait_server("4")
    assert ask(proxy, policy="444")["code"] == "upstream-failed"
    wait_until(lambda: sum(count().values()) == 6, "six lines")
    got = {f["outcome"]: f for f in lines()}
    assert set(got) == {"unknown-policy", "bad-json", "bad-message", "timeout", "client-gone", "upstream-failed"}, got
    assert "222" in got["unknown-policy"]["why"] and got["unknown-policy"]["tries"] == "0" and got["unknown-policy"]["server"] == "-"
    assert "server 4" in got["upstream-failed"]["why"] and got["upstream-failed"]["tries"] == "1", got["upstream-failed"]
    assert int(got["timeout"]["total_us"]) >= 400000, got["timeout"]
    assert sum(count(LOG + ".1").values()) == 5001, "the old file is left alone"
    silent.stop()
    cutting.stop()
    # Retried elsewhere: a line all the same, which says how often it was sent.
    retry = b.proxy(options=["--access-log", "all", "--access-log-file", LOG + ".2", "--narrate", "no"])
    b.server("8", "888", retry, options=["--narrate", "no"])
    cutting = Server(retry.port, id="9", policy="888", behave=lambda server, connection, message: connection.sendall(b'{"type"'))
    retry.wait_server("9")
    for _ in range(4):
        assert correct(ask(retry, policy="888"))
    wait_until(lambda: count(LOG + ".2") == {"ok": 4}, "four lines")
    assert "2" in {f["tries"] for f in lines(LOG + ".2")} and {f["server"] for f in lines(LOG + ".2")} == {"8"}
    cutting.stop()

    # Only errors, or one in so many too; where the log goes.
    sparse = b.proxy(workers=1, options=["--access-log", "sampled", "--access-sample", 10, "--narrate", "no"])
    b.server("5", "555", sparse, options=["--narrate", "no"])
    with Peer(sparse) as p:
        for _ in range(100):
            p.ask(request(policy="555"))
        p.ask(request(policy="666"))
    sparse.wait_for("outcome=unknown-policy")
    known = [dict(PAIR.findall(l)) for l in sparse.output.splitlines() if " outcome=" in l]
    assert Counter(f["outcome"] for f in known) == {"ok": 10, "unknown-policy": 1}, known
    only = b.proxy(workers=1, options=["--access-log", "errors", "--narrate", "no"])
    b.server("7", "777", only, options=["--narrate", "no"])
    assert correct(ask(only, policy="777")) and ask(only, policy="888")["code"] == "unknown-policy"
    only.wait_for("outcome=unknown-policy")
    assert "outcome=ok" not in only.output
