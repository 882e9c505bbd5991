from lib import plain
from lib.bench import Bench, ask, correct

decline = plain.answer_with(type="3", payload="", payloadsize=0, code="overloaded", message="full")
own = plain.answer_with(type="3", payload="", payloadsize=0, code="bad-payload", message="not that one")

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--eject-after", "1"])
    full = plain.Server(proxy.port, id="1", behave=decline)
    proxy.wait_server("1")
    got = ask(proxy)
    assert got["code"] == "upstream-failed" and "server 1: it takes nothing now: full" in got["message"], got
    b.server("2", "111", proxy)
    assert all(correct(ask(proxy)) for _ in range(10))
    assert len(full.requests) > 4 and proxy.servers()["1"]["state"] != "ejected", "it is not ejected for saying so"
    full.behave = own  # an error that is the request's own is its answer
    codes = {ask(proxy).get("code") for _ in range(10)}
    assert codes == {None, "bad-payload"}, codes
    full.stop()
