"""Plain servers, which announce themselves only once, are known to the successor; turns go on where they stood; a server that
was upgraded is the same server, and was never gone."""
from lib import plain
from lib.bench import Bench, ask, correct, ctl
from lib.quiet import quiet

with Bench() as b:
    proxy = b.proxy()
    plains = []
    for id in ("1", "2"):  # one after the other: their announcements could reach the master in any order
        plains.append(plain.Server(proxy.port, id=id))
        proxy.wait_server(id)
    own = b.server("3", "111", proxy)
    assert [ask(proxy)["srcid"] for _ in range(4)] == ["1", "2", "3", "1"]
    before = {id: s["addr"] for id, s in proxy.servers().items()}
    quiet(proxy)  # a plain server whose connection has not ended yet would be passed over
    proxy.upgrade()
    assert {id: s["addr"] for id, s in proxy.servers().items()} == before
    assert [ask(proxy)["srcid"] for _ in range(5)] == ["2", "3", "1", "2", "3"]
    told = ctl(proxy.socket, "events")[0]
    assert told["event"] == "upgraded" and "servers: 3" in told["why"], told
    joined = sum(e["event"] in ("joined", "left", "replaced") for e in ctl(proxy.socket, "events"))
    own.upgrade()
    assert [ask(proxy)["srcid"] for _ in range(3)] == ["1", "2", "3"]
    assert sum(e["event"] in ("joined", "left", "replaced") for e in ctl(proxy.socket, "events")) == joined
    for p in plains:
        p.stop()
