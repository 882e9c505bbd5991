from lib.bench import Bench, ask, correct, free_port

with Bench() as b:
    port = free_port()
    server = b.server("1", "111", port, options=["--retry-max", "500ms"])
    server.wait_for("not registered with the proxy")
    proxy = b.proxy(port=port)
    proxy.wait_server("1")
    assert correct(ask(proxy))
