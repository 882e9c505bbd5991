"""By a file of keys, over TLS in both directions, over Unix sockets; it knows a proxy that has not the key, and each reason is said."""
import os
from lib.bench import FOLDER, Bench, wait_until
from lib.certificates import authority, issue, listening, servers_by
from lib.false_proxy import FalseProxy, requests, say
from lib.python_client import policypool as pp
from lib.python_server import python_server
from lib.signed import Key, write


def upper(request):
    return request.text.upper()


alpha, other = Key("alpha"), Key("alpha")
with Bench() as b:
    ca = authority()
    pool, mine = issue("pool", ca), issue("mine", ca)
    ring = write(b, "ring", alpha.stanza("policies 333", "ids 5*"))
    path = f"unix:{b.runtime}/p.sock"
    proxy = b.proxy(f"127.0.0.1:0,{path}", options=["--keyring", ring, "--require-signature", *listening(pool), *servers_by(ca)])
    keys = write(b, "key", f"# of 500\nsecret {other.secret.hex()}\nserver-key {alpha.server('500').hex()}\n")
    signed = {"key_file": keys, "key_id": "alpha", "lease": 1, "proxies": proxy.port}
    joins = {"revproc_tls": True, "revproc_ca": ca.certificate}
    serves = {"tls_certificate": mine.certificate, "tls_key": mine.key}
    with python_server(upper, id="500", policy="333", **signed, **joins, **serves) as server:
        told = proxy.servers()["500"]
        assert told["key"] == "alpha" and told["addr"] == f"127.0.0.1:{server.port}", told
        with pp.connect(path, tls=True, ca=ca.certificate, server_name="pool.example") as client:
            assert [r.text for r in client.pipeline(("333", f"a{i}") for i in range(500))] == [f"A{i}" for i in range(500)]
        wait_until(lambda: float(proxy.servers()["500"]["age_s"]) > 2.5, "more than two leases")
        assert "lease ended" not in proxy.output and server.registrations == {f"127.0.0.1:{proxy.port}": "joined"}
    proxy.wait_server("500", present=False)
    assert "server left" in proxy.output

    # At a Unix socket.
    at = f"unix:{FOLDER}/s.sock"
    keys = write(b, "key501", f"secret {alpha.secret.hex()}\n")
    with python_server(upper, id="501", policy="333", listen=at, **{**signed, "key_file": keys, "proxies": path}, revproc_name="pool.example", **joins) as server:
        os.chmod(at[5:], 0o666)  # workers of the proxy are another user
        assert proxy.servers()["501"]["addr"] == at, proxy.servers()
        with pp.connect(proxy.port, tls=True, ca=ca.certificate) as client:
            assert client.call("333", "hello").text == "HELLO"
    assert not os.path.exists(at[5:])

    # What does not work, and why.
    def not_joined(words, **options):
        with python_server(upper, wait=False, id="500", policy="333", **{**signed, **options}) as server:
            wait_until(lambda: any(words in state for state in server.registrations.values()), f"{words!r} is said")

    wrong = write(b, "wrong", f"secret {other.secret.hex()}\n")
    not_joined("denied: ", key_file=wrong, **joins)
    not_joined("denied: TLS is required", proxies=f"127.0.0.1:{proxy.port}")  # it speaks no TLS
    stranger = b.proxy(options=["--keyring", write(b, "ring2", other.stanza("policies 333")), "--refusals-per-address", "1000"])
    not_joined("denied: ", proxies=stranger.port, key_file=keys)
    for bad, text in (("secret 00\n", "bad:1: it is: secret SECRET"), ("# none\n", "there is no key in it"), ("server-key 00\n", "bad:1"),
                      ("\nsecret\n", "bad:2")):
        try:
            pp.Server(upper, id="5", policy="333", key_file=write(b, "bad", bad), key_id="alpha")
            raise AssertionError(bad)
        except ValueError as e:
            assert text in str(e), e
    os.chmod(keys, 0o640)
    try:
        pp.Server(upper, id="5", policy="333", key_file=keys, key_id="alpha")
        raise AssertionError("a file that others read")
    except ValueError as e:
        assert "0600" in str(e), e

# It believes no proxy that does not prove that it has the key.
nonce = "00112233445566778899aabbccddeeff"


def impostor(*answers):
    def behave(proxy, connection, number):
        for request, more in zip(requests(connection), answers):
            say(connection, {"type": "4", "srcid": "proxy", "destid": request["id"], "privPolyId": "333", **more})
        proxy.over.wait()
    return behave


with Bench() as b:
    keys = write(b, "key500", f"secret {alpha.secret.hex()}\n")
    for answers, words in ((({"verb": "registered"},), "answers no challenge"), (({"verb": "challenge"}, {}), "answers no challenge"),
                           (({"verb": "challenge", "nonce": nonce}, {"verb": "registered", "nonce": nonce}), "did not prove"),
                           (({"verb": "challenge", "nonce": nonce}, {"verb": "registered", "nonce": nonce, "mac": "0" * 64}), "did not prove"),
                           (({"verb": "challenge", "nonce": nonce}, {"verb": "challenge", "nonce": nonce}), "did not prove")):
        with FalseProxy(impostor(*answers)) as false, python_server(upper, wait=False, id="500", policy="333", proxies=false.port, key_file=keys,
                                                                    key_id="alpha", ack_timeout=1) as server:
            wait_until(lambda: any(words in state for state in server.registrations.values()) or "joined" in server.registrations.values(), words)
            assert "joined" not in server.registrations.values(), answers
