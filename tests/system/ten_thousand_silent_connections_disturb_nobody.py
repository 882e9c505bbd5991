import socket
from lib.bench import Bench, allow_files, client_json, ctl, still_serves, wait_until

with Bench() as b:
    limit = allow_files(10300)
    n = min(10000, limit - 300)
    assert n >= 4000, f"only {limit} open files are allowed here"
    proxy = b.proxy()
    server = b.server("1", "111", proxy)
    silent = []
    for i in range(n):
        silent.append(socket.create_connection(("127.0.0.1", proxy.port)))
        if i % 2000 == 0:
            still_serves(proxy)
    wait_until(lambda: ctl(proxy.socket, "status")["connections"] >= n, "all are accepted", 30)
    status, got = client_json(proxy, "--policy", "111", "--count", 2000, "--parallel", 8, "--size", 20)
    assert status == 0 and got["correct"] == 2000, got
    for s in silent:
        s.close()
    wait_until(lambda: ctl(proxy.socket, "status")["connections"] < 10, "they are gone again", 30)
