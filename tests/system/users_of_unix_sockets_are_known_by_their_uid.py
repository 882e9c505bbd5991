import contextlib
import json
import os
from lib import needs, plain
from lib.bench import FOLDER, Bench, Peer, ask, correct, ctl, request, wait_until
from lib.unix import UnixProxy, UnixServer, at

needs.need_root()
ONE, OTHER, GROUP = 4001, 4002, 4003


@contextlib.contextmanager
def user(uid, gid=0):
    """What connects is this user's; what listens, too."""
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def ask_as(uid, proxy, gid=0, **fields):
    with user(uid, gid):
        p = Peer(proxy.port)
    with p:
        return p.ask(request(**fields))


def announce_as(uid, proxy, id, path):
    with user(uid):
        p = Peer(proxy.port)
    with p:
        return p.ask(json.dumps({"type": "1", "id": id, "privPolyId": id, "listenport": "0", "host": path}).encode())


# requests and registrations
with Bench() as b:
    proxy = b.keep(UnixProxy(b, options=["--allow", f"unix:uid={ONE},unix:uid=0,unix:gid={GROUP}", "--rate-per-address", "5",
                                         "--trusted-networks", f"unix:uid={ONE},unix:uid=0", "--queue-timeout", "300ms"]))
    b.keep(UnixServer(b, "100", "111", proxy))
    assert correct(ask_as(ONE, proxy)) and correct(ask_as(OTHER, proxy, gid=GROUP))
    assert ask_as(OTHER, proxy)["code"] == "denied"
    # each user has its own rate, whatever process it comes from
    wait_until(lambda: ask_as(ONE, proxy)["type"] == "3", "the rate")
    assert ask_as(ONE, proxy)["code"] == "overloaded"
    assert correct(ask(proxy))
    # who may register, and what
    os.mkdir(f"{FOLDER}/own")
    os.chown(f"{FOLDER}/own", ONE, ONE)
    own = f"unix:{FOLDER}/own/mine.sock"
    with user(ONE):
        mine = plain.listen(own)
    os.chmod(own[5:], 0o666)
    roots = plain.listen(at("roots"))
    os.chmod(at("roots")[5:], 0o666)
    got = announce_as(OTHER, proxy, "other", own)
    assert got["code"] == "denied", got
    wait_until(lambda: "from a trusted network" in proxy.output, "the reason in the log")
    assert [e for e in ctl(proxy.socket, "events") if f"unix:uid={OTHER}" in str(e)], ctl(proxy.socket, "events")
    assert announce_as(ONE, proxy, "mine", own)["type"] == "4"
    assert announce_as(ONE, proxy, "roots", at("roots"))["type"] == "4"
    assert announce_as(0, proxy, "by-root", own)["type"] == "4"
    # what is behind a socket that is not the user's hears nothing
    got = ask(proxy, policy="roots")
    assert got["code"] == "upstream-failed" and "not that of the user" in got["message"], got
    roots.setblocking(False)
    connections = []
    with contextlib.suppress(BlockingIOError):
        while True:
            connections.append(roots.accept()[0])
    for c in connections:
        c.setblocking(True)
        assert c.recv(100) == b"", "it was asked"
    for policy in ("mine", "by-root"):
        with Peer(proxy) as p:
            p.send(request(policy=policy))
            server, _ = mine.accept()
            with server:
                server.sendall(json.dumps(plain.reply("x", json.loads(server.recv(2048)))).encode())
            assert correct(p.read())
    mine.close()
    roots.close()

# the proxy's own socket is no server's place
with Bench() as b:
    proxy = b.keep(UnixProxy(b))
    os.symlink(at("p")[5:], at("alias")[5:])
    for path in (at("p"), at("alias")):
        got = announce_as(ONE, proxy, "self", path)
        assert got["code"] == "denied", got
    assert not proxy.servers()
