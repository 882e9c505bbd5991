import ssl

from lib.bench import Bench, correct, ctl, request, wait_until
from lib.certificates import SecurePeer, authority, context, hello, issue, listening, raw, servers_by


def status(proxy):
    return ctl(proxy.socket, "status")


def ended(s):
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True


with Bench() as b:
    ca = authority()
    proxy = b.proxy(workers=1, options=[*listening(issue("pool", ca), "optional"), *servers_by(ca), "--tls-handshake-timeout", "2s",
                                        "--tls-handshakes", "3"])
    b.server("1", "111", proxy)
    first = hello(ca)

    # Cut by the clock, and counted; others are served meanwhile.
    stalled = [raw(proxy) for _ in range(3)]
    for s in stalled:
        s.sendall(first[:20])
    wait_until(lambda: status(proxy)["tls_handshaking"] == 3, "three handshakes are under way")
    silent = raw(proxy)
    turned_off = raw(proxy)
    turned_off.sendall(first[:20])
    assert ended(turned_off), "one too many"
    assert status(proxy)["tls_refused"] == 1
    silent.sendall(request("plain goes on"))
    assert b'"2"' in silent.recv(4096)
    assert all(ended(s) for s in stalled)
    told = status(proxy)
    assert told["tls_failed"] == 3 and told["tls_handshaking"] == 0, told

    # In drops, and then all at once with a request right behind.
    s = raw(proxy)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    t = context(ca).wrap_bio(incoming, outgoing, server_hostname="pool.example")
    while True:
        try:
            t.do_handshake()
            break
        except ssl.SSLWantReadError:
            for byte in outgoing.read():
                s.sendall(bytes([byte]))
            incoming.write(s.recv(65536))
    t.write(request("dripped"))
    s.sendall(outgoing.read())
    answer = b""
    while not answer:
        incoming.write(s.recv(65536))
        try:
            answer = t.read(65536)
        except ssl.SSLWantReadError:
            pass
    assert b'"2"' in answer
    assert status(proxy)["tls_handshakes"] == 1

    # A session is resumed, by whichever version.
    for newest, again in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        c = context(ca, newest=newest)
        with c.wrap_socket(raw(proxy), server_hostname="127.0.0.1") as one:
            one.sendall(request("one") + b"\n")
            one.recv(4096)
            session = one.session
        with c.wrap_socket(raw(proxy), server_hostname="127.0.0.1", session=session) as two:
            two.sendall(request("two") + b"\n")
            assert b'"2"' in two.recv(4096)
            assert two.session_reused and two.version() == again, (two.session_reused, two.version())

    # Nothing older than 1.2.
    try:
        old = context(ca)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.wrap_socket(raw(proxy), server_hostname="127.0.0.1")
    except ssl.SSLError as e:
        assert "PROTOCOL_VERSION" in str(e).upper().replace(" ", "_"), e
    else:
        raise AssertionError("TLS 1.1 was spoken")
    with SecurePeer(proxy, ca) as p:
        assert correct(p.ask(request("last")), "last")
