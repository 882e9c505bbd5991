"""With plain=True it announces itself as the plain servers do that are in use, and is served one request a connection; proxies that
acknowledge nothing, and take strings or numbers alone, have it too."""
import hashlib
from lib import plain
from lib.bench import Bench, ask, correct, sha1, wait_until
from lib.python_server import python_server


def digest(request):
    return hashlib.sha1(request.data).hexdigest()


with Bench() as b:
    proxy = b.proxy()
    b.server("2", "111", proxy)
    with python_server(digest, id="1", policy="111", proxies=proxy.port, job="sha1", plain=True) as server:
        told = proxy.servers()["1"]
        assert told["kind"] == "plain" and told["job"] == "sha1", told
        for i in range(40):
            assert correct(ask(proxy, payload=f"{i}"), f"{i}")
        wait_until(lambda: proxy.servers()["1"]["served"] == 20, "plain and own servers take turns")
        with plain.connect(server.port) as s:  # one request a connection
            s.sendall(b'{"type":0,"srcid":4,"privPoliId":111,"payload":"a"}{"type":0,"srcid":4,"privPoliId":111,"payload":"b"}')
            got = b""
            while chunk := s.recv(4096):
                got += chunk
            assert got.count(b"}") == 1 and sha1("a").encode() in got, got
    proxy.wait_server("1", present=False)

for options in ({}, {"numbers": True}, {"answers": b'{"Status":"ok"}'}, {"keeps": True}, {"numbers": True, "answers": b"no JSON"}):
    other = plain.Proxy(**options)
    for is_plain in (True, False):
        with python_server(digest, id="9", policy="111", proxies=other.port, job="sha1", plain=is_plain, ack_timeout=0.5) as server:
            assert server.registrations == {f"127.0.0.1:{other.port}": "announced"}, (options, server.registrations)
            assert other.announcements and set(other.servers) == {"111"} and other.servers["111"] == [(type(other.servers["111"][0][0])("9"), server.port)], other.servers
            assert plain.ask(other.port)["payload"] == sha1("hello")
    other.stop()
