#!/usr/bin/python3
"""threads_peer.py proxy | server ID POLICY PROXYPORT - Python programs as the first of this protocol were: a thread a connection,
a connection a request, the table of servers in memory behind a lock, each step told on standard output, which is a file here.
Each prints its port first."""
import hashlib
import json
import socket
import sys
import threading

ONE_READ = 2048


def listen():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0))
    s.listen(4096)
    print(s.getsockname()[1], flush=True)
    sys.stdout = open(f"{sys.argv[1]}-{s.getsockname()[1]}.out", "w")
    return s


def serve(listener, handle):
    while True:
        connection, address = listener.accept()
        print("Connection from", address)
        threading.Thread(target=one, args=(connection, handle), daemon=True).start()


def one(connection, handle):
    with connection:
        data = connection.recv(ONE_READ)
        if data:
            print("Received:", data.decode())
            reply = handle(json.loads(data), data)
            if reply:
                print("Sending:", reply.decode())
                connection.sendall(reply)


def proxy():
    servers, turn, lock = {}, {}, threading.Lock()

    def handle(message, data):
        if str(message["type"]) == "1":
            with lock:
                servers.setdefault(message["privPolyId"], []).append((message["id"], int(message["listenport"])))
            print("Registered:", message["id"])
            return None
        policy = message["privPoliId"]
        with lock:
            known = servers[policy]
            turn[policy] = n = turn.get(policy, -1) + 1
            id, port = known[n % len(known)]
        print("Forwarding to server", id, "at", port)
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(data)
            return s.recv(ONE_READ)

    serve(listen(), handle)


def server(id, policy, proxy_port):
    listener = listen()
    message = {"type": "1", "id": id, "privPolyId": policy, "listenport": str(listener.getsockname()[1])}
    with socket.create_connection(("127.0.0.1", int(proxy_port))) as s:
        s.sendall(json.dumps(message).encode())

    def handle(request, _):
        digest = hashlib.sha1(request["payload"].encode()).hexdigest()
        print("Hashed", len(request["payload"]), "characters:", digest)
        return json.dumps({"type": "2", "srcid": id, "destid": str(request["srcid"]), "payloadsize": len(digest),
                           "payload": digest}).encode()

    serve(listener, handle)


if sys.argv[1] == "proxy":
    proxy()
else:
    server(*sys.argv[2:5])
