import base64
import hashlib
import json
from lib import plain
from lib.bench import Bench, client, client_json


def does(job):
    """A plain server with another job than SHA-1: job(payload, request) is the reply's payload, and further keys."""
    def behave(server, c, r):
        payload, more = job(r)
        c.sendall(json.dumps({**plain.reply(server.id, r), "payload": payload, **more}).encode())
    return behave


def bytes_of(r):
    return base64.b64decode(r["payload"]) if r.get("encoding") == "base64" else r["payload"].encode()


def upper(r):
    if r.get("encoding") == "base64":
        return base64.b64encode(bytes_of(r).upper()).decode(), {"encoding": "base64"}
    return r["payload"].upper(), {}


JOBS = {"256": lambda r: (hashlib.sha256(bytes_of(r)).hexdigest(), {}), "s3": lambda r: (hashlib.sha3_512(bytes_of(r)).hexdigest(), {}),
        "upper": upper, "name": lambda r: ("k1:" + hashlib.sha256(bytes_of(r)).hexdigest(), {})}

with Bench() as b:
    proxy = b.proxy()
    # Asked themselves: what passes through the proxy has to be what the server announced.
    servers = {policy: plain.Server(proxy.port, id=policy, policy=policy, behave=does(job)) for policy, job in JOBS.items()}

    def tells(policy, expect, *argv, status=0):
        got, out, err = client(servers[policy], "--policy", policy, *(argv or ("--payload", "hello")), "--expect", expect)
        assert got == status, (policy, expect, got, out, err)
        return out + err

    assert "the sha256 digest is correct" in tells("256", "sha256")
    wrong = tells("256", "sha1", status=1)
    assert "the hash is wrong: got 2cf24dba" in wrong and "this policy's job may not be sha1: see --expect" in wrong, wrong
    assert "the sha3-512 digest is correct" in tells("s3", "sha3-512", "--payload", "é")
    assert "the reply is correct" in tells("name", "hmac-sha256")
    assert "the reply is wrong: got HELLO, expected a name, a colon and 64 digits" in tells("upper", "hmac-sha256", status=1)
    assert "HELLO" in tells("upper", "none") and "correct" not in tells("upper", "none")
    assert "the reply is correct" in tells("upper", "cmd:tr a-z A-Z")
    assert "the reply is wrong: got HELLO, expected hello" in tells("upper", "cmd:cat", status=1)
    assert "false: ended with status 1" in tells("upper", "cmd:false", status=2)
    assert "the reply is correct" in tells("upper", "file:" + b.file("wanted", "HELLO\n"))
    assert "No such file" in tells("upper", "file:missing", status=2)
    assert "--expect" in tells("upper", "md5", status=2)
    assert "--vary" in tells("upper", "cmd:cat", "--payload", "x", "--vary", status=2)

    # Bytes that are no text.
    path = b.file("bytes", "")
    with open(path, "wb") as f:
        f.write(b"\0ab\xff\n")
    assert "--encoding base64" in tells("upper", "none", "--payload-file", path, status=2)
    out = tells("upper", "cmd:tr a-z A-Z", "--payload-file", path, "--encoding", "base64")
    assert "payload of 5 bytes" in out and base64.b64encode(b"\0AB\xff\n").decode() in out, out
    assert "is correct" in tells("256", "sha256", "--payload-file", path, "--encoding", "base64")
    assert "HELLO" in tells("upper", "cmd:tr a-z A-Z", "--payload", "hello", "--encoding", "base64")
    packet = b.file("packet", json.dumps({"type": 0, "srcid": 1, "privPoliId": "256", "payload": "aGVsbG8=", "encoding": "base64"}))
    assert "is correct" in tells("256", "sha256", "-pkt", packet)

    # A load is checked as one request is.
    status, got = client_json(servers["s3"], "--no-keepalive", "--policy", "s3", "--expect", "sha3-512", "--count", 200, "--size", 33, "--vary")
    assert status == 0 and got["correct"] == 200, got
    status, got = client_json(servers["upper"], "--no-keepalive", "--policy", "upper", "--expect", "cmd:tr a-z A-Z", "--count", 100, "--payload", "a b")
    assert status == 0 and got["correct"] == 100, got
    status, got = client_json(servers["upper"], "--no-keepalive", "--policy", "upper", "--expect", "file:wanted", "--count", 20, "--payload", "other")
    assert status == 1 and got["mismatches"] == {"not what is expected": 20}, got
    for s in servers.values():
        s.stop()
