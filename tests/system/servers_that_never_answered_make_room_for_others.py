"""Somebody fills the pool with servers that are none, each of a policy of its own, as any local user can.  A server that comes
later joins all the same, one that has answered stays, and an operator is rid of the others with one order."""
import json
import socket
from lib import plain
from lib.bench import Bench, ctl, ctl_run, sha1, wait_until


def announce(proxy, id, **more):
    with socket.create_connection(("127.0.0.1", proxy.port)) as s:
        s.settimeout(30)
        s.sendall(json.dumps({"type": "1", "id": id, "privPolyId": f"of {id}", "listenport": "9", "ack": "1", **more}).encode())
        return json.loads(s.recv(4096))


def serves(proxy, policy):
    return plain.ask(proxy.port, "x", policy=policy)["payload"] == sha1("x")


def fill(proxy, prefix):
    for i in range(60):
        assert announce(proxy, f"{prefix}-{i}")["type"] == "4"


for limit in (["--servers-per-address", "20"], ["--max-servers", "20", "--servers-per-address", "0"], ["--max-policies", "20"]):
    with Bench() as b:
        proxy = b.proxy(options=["--narrate", "no", *limit])
        first = plain.Server(proxy.port, id="first", policy="111")
        proxy.wait_server("first")
        assert serves(proxy, "111")
        fill(proxy, "none")
        assert len(proxy.servers()) <= 20, limit
        later = plain.Server(proxy.port, id="later", policy="222")
        proxy.wait_server("later")
        assert serves(proxy, "222"), limit
        fill(proxy, "again")
        assert {"first", "later"} <= set(proxy.servers()), limit
        assert serves(proxy, "111") and serves(proxy, "222")
        assert any(e["event"] == "removed" and "never answered" in e["why"] for e in ctl(proxy.socket, "events"))
        assert announce(proxy, "cloud", host="169.254.169.254")["code"] == "denied"

        status, out, err = ctl_run("-s", proxy.socket, "remove", "again-*", "of again-59")
        assert status == 0 and "again-59" in out, (out, err)
        status, out, err = ctl_run("-s", proxy.socket, "remove", "again-*")
        assert status == 0 and "17 servers removed" in out, (limit, out, err)
        assert set(proxy.servers()) == {"first", "later"}
        assert ctl_run("-s", proxy.socket, "remove", "again-*")[0] != 0
        assert ctl_run("-s", proxy.socket, "remove", "first", "222")[0] != 0
        assert ctl_run("-s", proxy.socket, "remove", "*", "111")[0] == 0
        assert set(proxy.servers()) == {"later"}
        for s in (first, later):
            s.stop()
