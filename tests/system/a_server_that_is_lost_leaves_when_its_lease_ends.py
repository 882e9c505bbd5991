from lib.bench import Bench, ask

with Bench() as b:
    proxy = b.proxy(options=["--queue-timeout", "200ms"])
    server = b.server("1", "111", proxy, options=["--lease", "1s"])
    server.kill_group()
    proxy.wait_server("1", present=False)
    proxy.wait_for("lease ended")
    reply = ask(proxy)
    assert reply["code"] == "no-server", reply
    b.started.remove(server)
