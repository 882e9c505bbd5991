#!/usr/bin/python3
"""plain_peer.py proxy | server ID POLICY PROXYPORT - Python peers as policypool(7) describes plain ones: one object,
one read of at most 2048 bytes, one connection a request, one connection at a time.  Each prints its port."""
import hashlib
import json
import socket
import sys

ONE_READ = 2048


def listen():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    s.listen(4096)
    print(s.getsockname()[1], flush=True)
    return s


def serve(listener, answer):
    """One connection after the other."""
    while True:
        connection, _ = listener.accept()
        with connection:
            data = connection.recv(ONE_READ)
            if data and (reply := answer(data)):
                connection.sendall(reply)


def proxy():
    servers, turn = {}, {}

    def answer(data):
        message = json.loads(data)
        if message["type"] == "1":
            servers.setdefault(message["privPolyId"], []).append(int(message["listenport"]))
            return None
        known = servers[message["privPoliId"]]
        turn[message["privPoliId"]] = n = turn.get(message["privPoliId"], -1) + 1
        with socket.create_connection(("127.0.0.1", known[n % len(known)])) as s:
            s.sendall(data)
            return s.recv(ONE_READ)

    serve(listen(), answer)


def server(id, policy, proxy_port):
    listener = listen()
    message = {"type": "1", "id": id, "privPolyId": policy, "listenport": str(listener.getsockname()[1])}
    with socket.create_connection(("127.0.0.1", int(proxy_port))) as s:
        s.sendall(json.dumps(message).encode())

    def answer(data):
        request = json.loads(data)
        digest = hashlib.sha1(request["payload"].encode()).hexdigest()
        return json.dumps({"type": "2", "srcid": id, "destid": str(request["srcid"]), "payloadsize": len(digest),
                           "payload": digest}).encode()

    serve(listener, answer)


if sys.argv[1] == "proxy":
    proxy()
else:
    server(*sys.argv[2:5])
