"""A plain server announces itself once, so what the master can't take at once is kept for it: here it stands still meanwhile."""
import json
import os
import signal
import socket
from lib.bench import Bench, Peer, allow_files, ask, ctl, wait_until

SERVERS = 1500
allow_files(4096)


def announce(port, id):
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(json.dumps({"type": "1", "id": str(id), "privPolyId": "111", "listenport": str(10000 + id)}).encode())


with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no", "--worker-timeout", "0", "--servers-per-address", "0"])
    os.kill(proxy.pid, signal.SIGSTOP)
    try:
        for id in range(SERVERS):
            announce(proxy.port, id)
        for _ in range(20):
            assert ask(proxy, policy="222")["code"] == "unknown-policy"
    finally:
        os.kill(proxy.pid, signal.SIGCONT)
    wait_until(lambda: len(ctl(proxy.socket, "servers")) == SERVERS, f"{SERVERS} servers", seconds=60)
    assert "messages are lost" not in proxy.output and "cannot hand" not in proxy.output, proxy.output[-3000:]
    with Peer(proxy) as p:
        p.send(json.dumps({"type": "1", "id": "last", "privPolyId": "333", "listenport": 1, "ack": "1"}).encode())
        assert p.read()["verb"] == "registered"
