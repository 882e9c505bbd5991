from lib import plain
from lib.bench import Bench, Peer

with Bench() as b:
    proxy = b.proxy()
    old = plain.Server(proxy.port, id="1")
    proxy.wait_server("1")
    sent = b'{ "type":"0", "extra": {"deep":[1, 2.50, "\\u00e9"]},"srcid":"1","privPoliId":"111",  "payload":"a\\u0000b","later":null}'
    with Peer(proxy) as p:
        assert p.ask(sent)["type"] == "2"
    assert old.requests == [sent], old.requests
    old.stop()
