import json
from lib import plain
from lib.bench import Bench, Peer, ask, correct, free_port

with Bench() as b:
    proxy = b.proxy(options=["--queue-timeout", "400ms"])
    b.server("1", "other", proxy)
    port = free_port()
    with Peer(proxy) as p:
        p.send(json.dumps({"type": "1", "id": "2", "privPolyId": "111", "listenport": port}).encode())
    proxy.wait_server("2")
    got = ask(proxy)
    assert got["code"] == "upstream-failed" and "server 2" in got["message"] and "refused" in got["message"], got
    proxy.wait_server("2", state="down")
    assert correct(ask(proxy, policy="other"))
    old = plain.Server(proxy.port, id="2", port=port)
    assert correct(ask(proxy)), "it came up, and is still avoided"
    proxy.wait_server("2", state="up")
    old.stop()
