import hashlib
import json
from lib import plain
from lib.bench import FOLDER, Bench, client, client_json, free_port, run, sha1


def liar(server, c, r):
    c.sendall(json.dumps({**plain.reply(server.id, r), "payload": sha1("something else")}).encode())


with Bench() as b:
    proxy = b.proxy(options=["--queue-timeout", "300ms"])
    b.server("1", "111", proxy)
    bad = plain.Server(proxy.port, id="2", policy="lies", behave=liar)
    proxy.wait_server("2")
    packet = b.file("1.json", '{"type":"0","srcid":"1","privPoliId":"111","payloadsize":"5","payload":"hello", "more":1}\n')
    status, out, err = client(proxy, "-id", "1", "-pkt", packet)
    assert status == 0 and sha1("hello") in out and "correct" in out, (status, out, err)
    with open(packet) as f:
        status, out, err = client(proxy, "-pkt", "-", stdin=f.read())
    assert status == 0, (status, out, err)
    assert client(proxy, "--policy", "111", "--payload", "text")[0] == 0
    assert client(proxy, "--policy", "111", "--payload", "-", stdin="from stdin é")[0] == 0
    status, out, err = client(proxy, "-pkt", packet, "--policy", "lies")
    assert status == 1 and "wrong" in out + err, (status, out, err)
    status, out, err = client(proxy, "-pkt", packet, "--policy", "nobody")
    assert status == 1 and "unknown-policy" in out + err, (status, out, err)
    dead = free_port()
    status, out, err = client(dead, "-pkt", packet)
    assert status == 3 and f"127.0.0.1:{dead}" in err and "refused" in err, (status, err)
    status, out, err = client(proxy, "-pkt", packet, "--host", "no.such.host.invalid")
    assert status == 3 and "no.such.host.invalid" in err, (status, err)
    for name, text in (("missing.json", None), ("broken.json", "{"), ("reply.json", '{"type":"2","srcid":"1","destid":"2","payload":""}'), ("folder", "")):
        path = b.file(name, text) if text else f"{FOLDER}/{name}" if text is None else b.runtime
        status, out, err = client(proxy, "-pkt", path)
        assert status == 2 and path in err, (name, status, err)
    for argv in ([], ["--count", "0x"], ["--wrong"], ["--policy", "1", "-port", "1"]):
        status, out, err = client(proxy, *argv)
        assert status == 2 and err, (argv, status, out, err)
    assert run("ppool-client", "--policy", "1", "--payload", "x")[0] == 2, "-revproc is needed"
    status, got = client_json(proxy, "--policy", "111", "--count", 1000, "--parallel", 7, "--pipeline", 5, "--vary", "--size", 33)
    assert status == 0 and got["sent"] == got["correct"] == 1000 and sum(got["servers"].values()) == 1000, got
    assert 0 < got["latency_us"]["p50"] <= got["latency_us"]["p99"] <= got["latency_us"]["max"], got
    status, got = client_json(proxy, "--policy", "lies", "--count", 20, "--parallel", 2, "--payload", "x")
    assert status == 1 and got["wrong"] == 20 and got["correct"] == 0, got
    status, got = client_json(proxy, "--policy", "nobody", "--count", 20, "--parallel", 2, "--payload", "x")
    assert status == 1 and got["refused"] == 20 and got["errors"] == {"unknown-policy": 20}, got
    bad.stop()
