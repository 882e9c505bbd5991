from lib.bench import Bench, Peer, ask, correct, ctl, ctl_run, free_port, wait_until

with Bench() as b:
    proxy = b.proxy(options=["--queue-timeout", "200ms"])
    server = b.server("1", "111", proxy, options=["--lease", "1s"])
    assert correct(ask(proxy))
    ctl(proxy.socket, "drain", "1")
    reply = ask(proxy)
    assert reply["code"] == "no-server" and "draining or disabled" in reply["message"], reply
    lease = [proxy.servers()["1"]["lease_s"]]

    def renewed():
        lease.append(proxy.servers()["1"]["lease_s"])
        return lease[-1] > lease[-2]
    wait_until(renewed, "a renewal")
    row = proxy.servers()["1"]
    assert row["state"] == "draining" and row["reason"] == "an operator's order" and row["since_s"] <= row["age_s"], row
    # Another announcement under the same id takes its place, and its state.
    port = free_port()
    with Peer(proxy) as p:
        got = p.ask(b'{"type":"1","id":"1","privPolyId":"111","listenport":"%d","ack":"1"}' % port)
        assert got["verb"] == "registered", got
    assert proxy.servers()["1"]["state"] == "draining"
    assert ask(proxy)["code"] == "no-server"
    proxy.wait_server("1", addr=f"127.0.0.1:{server.port}")  # it renews, and has its place again
    ctl(proxy.socket, "disable", "1")
    assert proxy.servers()["1"]["state"] == "disabled"
    ctl(proxy.socket, "enable", "1")
    assert correct(ask(proxy)) and proxy.servers()["1"]["state"] == "up"
    # Errors for what is not there.
    for argv, word in ((["drain", "nobody"], "nobody: no such server"), (["enable"], "id of a server"), (["wait", "nobody"], "nobody"),
                       (["wait", "1", "x"], "seconds"), (["wait", "1", "86401"], "86400"), (["events", "x"], "number")):
        status, _, err = ctl_run("-s", proxy.socket, *argv)
        assert status == 1 and word in err, (argv, status, err)
    ctl(proxy.socket, "remove", "1")
    proxy.wait_server("1", present=False)
    proxy.wait_server("1")  # by its next renewal
    assert correct(ask(proxy))
