"""Pipelined over one connection, through two servers: each answer is the request's own, in order."""
from lib.bench import Bench
from lib.python_load import load

with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no"])
    for i in ("1", "2"):
        b.server(i, "111", proxy, options=["--narrate", "no"])
    assert load("sync", proxy.port, 100000) == {"1", "2"}
