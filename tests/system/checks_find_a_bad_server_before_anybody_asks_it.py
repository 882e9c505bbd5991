from lib import plain
from lib.bench import Bench, ask, correct, ctl, sha1, wait_until

with Bench() as b:
    sections = b.file("proxy.conf", 'policy "111" { health_check = request check_interval = 50ms }\n')
    proxy = b.proxy(options=["-c", sections, "--slow-start", "0"])
    b.server("1", "111", proxy)
    proxy.wait_server("1", state="up")  # nobody has asked it for anything
    bad = plain.Server(proxy.port, id="2", behave=plain.answer_with(payload=sha1("another")))
    unchecked = plain.Server(proxy.port, id="3", policy="222", behave=plain.hang_up)
    wait_until(lambda: len(bad.requests) >= 3, "three checks")
    assert all(plain.is_probe(r) for r in bad.requests)
    proxy.wait_for('"?server ejected"? id=2 .*why="the reply is not the payload.s digest"')
    bad.behave = None
    proxy.wait_server("2", state="up")
    bad.behave = plain.cut
    proxy.wait_for('"?server ejected"? id=2 .*why="the reply was cut"')
    assert all(correct(ask(proxy)) for _ in range(10))
    assert unchecked.requests == [] and proxy.servers()["3"]["state"] == "new"
    kinds = [e["event"] for e in ctl(proxy.socket, "events") if e["id"] == "2"]
    assert kinds[:4] == ["joined", "ejected", "returned", "ejected"], kinds
    bad.stop()
    unchecked.stop()
