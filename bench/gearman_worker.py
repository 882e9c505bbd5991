"""gearman_worker.py PORT - a worker of gearmand that knows one function, sha1: what a client library does, and no more."""
import hashlib
import socket
import struct
import sys

CAN_DO, PRE_SLEEP, NOOP, GRAB_JOB, NO_JOB, JOB_ASSIGN, WORK_COMPLETE = 1, 4, 6, 9, 10, 11, 13
CONNECTION = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
CONNECTION.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
REPLIES = CONNECTION.makefile("rb")


def packet(kind, body=b""):
    return b"\0REQ" + struct.pack(">II", kind, len(body)) + body


def read():
    head = REPLIES.read(12)
    if len(head) < 12:
        sys.exit(0)
    kind, n = struct.unpack(">II", head[4:])
    return kind, REPLIES.read(n)


CONNECTION.sendall(packet(CAN_DO, b"sha1") + packet(GRAB_JOB))
while True:
    kind, body = read()
    if kind == JOB_ASSIGN:
        handle, _, payload = body.split(b"\0", 2)
        digest = hashlib.sha1(payload).hexdigest().encode()
        CONNECTION.sendall(packet(WORK_COMPLETE, handle + b"\0" + digest) + packet(GRAB_JOB))
    elif kind == NO_JOB:
        CONNECTION.sendall(packet(PRE_SLEEP))
    elif kind == NOOP:
        CONNECTION.sendall(packet(GRAB_JOB))
