import json
import socket
from lib.bench import Bench, correct, request, run, still_serves, wait_until


def ask_from(source, proxy, **fields):
    """One request from another loopback address."""
    with socket.create_connection(("127.0.0.1", proxy.port), source_address=(source, 0)) as s:
        s.sendall(request(**fields))
        return json.loads(s.makefile().readline())


with Bench() as b:
    sections = b.file("proxy.conf", 'policy "222" { allow = 127.0.9.0/24 }\npolicy "111" { deny = { 127.0.0.7 } }\n')
    proxy = b.proxy(options=["-c", sections, "--allow", "127.0.0.0/24", "--deny", "127.0.0.66"])
    b.server("1", "111", proxy)
    b.server("2", "222", proxy)
    assert correct(ask_from("127.0.0.5", proxy, policy="111"))
    assert correct(ask_from("127.0.9.5", proxy, policy="222"))
    for source, policy in (("127.0.9.5", "111"), ("127.0.0.5", "222"), ("127.0.0.66", "111"), ("127.0.0.7", "111"), ("127.1.1.1", "111")):
        got = ask_from(source, proxy, policy=policy)
        assert got["code"] == "denied" and got["destid"] == "1" and got["payload"] == "", (source, policy, got)
    proxy.wait_for("request turned away.*peer=127.1.1.1:.*code=denied")
    # The connection of somebody who is denied stays, and its order is kept.
    with socket.create_connection(("127.0.0.1", proxy.port), source_address=("127.0.0.5", 0)) as s:
        s.sendall(request(policy="222", srcid="a") + request(policy="111", srcid="b") + request(policy="222", srcid="c"))
        lines = s.makefile()
        got = [json.loads(lines.readline()) for _ in range(3)]
        assert [g["destid"] for g in got] == ["a", "b", "c"] and [g["type"] for g in got] == ["3", "2", "3"], got
    wait_until(lambda: proxy.output.count("request turned away") >= 6, "a line for each connection")
    still_serves(proxy)
    assert proxy.output.count("request turned away") == 6, "and no more"
    status, out, err = run("ppool-proxy", "-t", "--allow", "10.0.0.1/8")
    assert status == 2 and "bits beyond the prefix length" in err, err
    status, out, err = run("ppool-proxy", "-t", "--deny", "10.0.0.0/8,x")
    assert status == 2 and "--deny" in err, err
    status, out, err = run("ppool-proxy", "-t", "--rate-per-address", "1000001")
    assert status == 2 and "rate-per-address" in err, err
