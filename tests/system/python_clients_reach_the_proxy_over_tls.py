"""By the proxy's certificate, with one of their own, in both ways of waiting, pipelined; and each reason not to is said."""
import os
from lib.bench import Bench, sha1
from lib.certificates import authority, issue, listening
from lib.needs import need_ipv6
from lib.python_client import KINDS, Waiting, policypool as pp
from lib.python_load import load

need_ipv6()
with Bench() as b:
    ca, other = authority(), authority("other")
    pool, mine = issue("pool", ca), issue("mine", ca)
    path = f"unix:{b.runtime}/p.sock"
    proxy = b.proxy(f"127.0.0.1:0,[::1]:0,{path}", options=[*listening(pool, client_ca=ca), "--narrate", "no"])
    ports = [int(at.rpartition(":")[2]) for at in proxy.wait_for(r'listen="([^"]+)"')[1].split(", ")[:2]]
    b.server("1", "111", proxy, options=["--narrate", "no", "--revproc-tls", "--revproc-ca", ca.certificate,
                                         "--revproc-certificate", mine.certificate, "--revproc-key", mine.key])
    by = {"tls": True, "ca": ca.certificate, "cert": mine.certificate, "key": mine.key}
    for kind in KINDS:
        load(kind, ports[0], 50000, **by)
        with Waiting(kind, f"[::1]:{ports[1]}", server_name="pool.example", **by) as client:
            assert client.call("111", "x" * 900000).text == sha1("x" * 900000)
        with Waiting(kind, ports[0], retries=1, **{**by, "ca": other.certificate}) as client:
            e = client.failure("111", "hello")
            assert type(e) is pp.Unreachable and "its certificate is refused: " in str(e), e
        with Waiting(kind, ports[0], retries=1, server_name="another.example", **by) as client:
            e = client.failure("111", "hello")
            assert type(e) is pp.Unreachable and "another.example" in str(e), e
        with Waiting(kind, ports[0], retries=1, tls=True, ca=ca.certificate) as client:  # it shows no certificate
            e = client.failure("111", "hello")
            assert type(e) in (pp.Unreachable, pp.ConnectionLost), e
        with Waiting(kind, ports[0]) as client:
            e = client.failure("111", "hello")
            assert type(e) is pp.Denied and "TLS" in str(e), e
    for wrong in ({"tls": True}, {"ca": ca.certificate}, {**by, "key": None}, {**by, "key": pool.certificate}):
        try:
            pp.Client(ports[0], **wrong)
            raise AssertionError(wrong)
        except ValueError as e:
            print(e)
    os.chmod(mine.key, 0o644)
    try:
        pp.Client(ports[0], **by)
        raise AssertionError("a key that anybody reads")
    except ValueError as e:
        assert "0600" in str(e), e
