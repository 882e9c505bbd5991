import json
import socket
from lib.bench import Bench, ctl, still_serves


def talk(path, data):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while chunk := s.recv(65536):
            got += chunk
    return [json.loads(l) for l in got.splitlines()]


with Bench() as b:
    proxy = b.proxy()
    b.server("1", "111", proxy)
    for data in (b"nonsense", b"[]", b"{}", b'{"cmd":7}', b'{"cmd":"fly"}', b'{"cmd":"status"', b"{" * 70000,
                 b'{"cmd":"status","cmd":"stop"}', b'{"cmd":"stop","args":[{"a":1,"a":2}]}'):
        answers = talk(proxy.socket, data)
        assert all(a["ok"] is False and a["error"] for a in answers), (data[:40], answers)
    both = talk(proxy.socket, b'{"cmd":"status"}\n{"cmd":"servers"}')
    assert [a["ok"] for a in both] == [True, True]
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(100)]
    for s in crowd:
        s.connect(proxy.socket)
    still_serves(proxy)
    for s in crowd:
        s.close()
    assert ctl(proxy.socket, "status")["state"] == "running"
