import os

from lib.bench import Bench, client, run
from lib.certificates import authority, issue, listening

SERVER = ["-id", "1", "-pp", "1", "-listen", "0"]

with Bench() as b:
    ca = authority()
    one, two = issue("one", ca), issue("two", ca)
    open_key = b.file("open.key", open(one.key).read())
    os.chmod(open_key, 0o644)
    given = listening(one)
    for program, argv in (("ppool-proxy", ["-port", "0"]), ("ppool-server", SERVER)):
        assert run(program, *argv, *given, "-t")[0] == 0
        for least_and_most in ("1s", "24h"):
            assert run(program, *argv, *given, "--tls-session-timeout", least_and_most, "-t")[0] == 0
        for more, words in (
            (["--tls", "maybe"], ["--tls", "maybe", "optional"]),
            (["--tls", "required"], ["tls_certificate and tls_key are needed"]),
            ([*given, "--tls-certificate", "relative.crt"], ["--tls-certificate", "relative.crt"]),
            ([*given, "--tls-certificate", "/nowhere.crt"], ["/nowhere.crt", "No such file"]),
            ([*given, "--tls-certificate", one.key], [one.key, "no certificate in it"]),
            ([*given, "--tls-key", two.key], [two.key, "not the key of the certificate"]),
            ([*given, "--tls-key", open_key], [open_key, "0600"]),
            ([*given, "--tls-verify-client", "required"], ["tls_verify_client needs tls_client_ca"]),
            ([*given, "--tls-verify-client", "sometimes"], ["--tls-verify-client", "sometimes"]),
            ([*given, "--tls-client-ca", one.key], [one.key, "no certificate of a CA"]),
            ([*given, "--tls-client-crl", ca.certificate], [ca.certificate, "revoked"]),
            ([*given, "--tls-priorities", "NORMAL:+VERS-TLS1.1"], ["older than TLS 1.2"]),
            ([*given, "--tls-priorities", "NORMAL:+NONSENSE"], ["NONSENSE"]),
            ([*given, "--tls-handshake-timeout", "1ms"], ["--tls-handshake-timeout", "1ms"]),
            ([*given, "--tls-handshakes", "0"], ["--tls-handshakes", "0"]),
            ([*given, "--tls-session-timeout", "999ms"], ["--tls-session-timeout", "999ms"]),
            ([*given, "--tls-session-timeout", "86401s"], ["--tls-session-timeout", "86401s"]),
            ([*given, "--tls-session-tickets=maybe"], ["--tls-session-tickets", "maybe"]),
        ):
            status, out, err = run(program, *argv, *more, "-t")
            assert status == 2 and all(w in err for w in words), (program, more, status, err)
    for more, words in (
        (["--server-tls", "required"], ["server_tls: required needs server_ca"]),
        (["--server-tls", "never"], ["--server-tls", "never"]),
        (["--server-ca", "/nowhere.crt"], ["server_ca", "/nowhere.crt"]),
        (["--server-certificate", one.certificate, "--server-key", one.key], ["of no use without a CA"]),
        (["--server-ca", ca.certificate, "--server-key", one.key], [one.key, "a certificate and its key"]),
        (["--server-name", 'a"b'], ["--server-name"]),
    ):
        status, out, err = run("ppool-proxy", "-port", "0", *more, "-t")
        assert status == 2 and all(w in err for w in words), (more, status, err)
    for more, words in (
        (["--revproc-tls"], ["revproc_tls needs revproc_ca"]),
        (["--revproc-tls", "--revproc-ca", one.key], [one.key, "no certificate of a CA"]),
        (["--revproc-tls", "--revproc-ca", ca.certificate, "--revproc-certificate", one.certificate], ["a certificate and its key"]),
        (["--revproc-name", 'a"b'], ["--revproc-name"]),
    ):
        status, out, err = run("ppool-server", *SERVER, *more, "-t")
        assert status == 2 and all(w in err for w in words), (more, status, err)
    for more, word in ((["--tls"], "--ca is needed"), (["--ca", ca.certificate], "of no use without --tls"),
                       (["--tls", "--ca", "/nowhere.crt"], "/nowhere.crt")):
        status, out, err = client(1, "--policy", "1", "--payload", "x", *more)
        assert status == 2 and word in err, (more, status, err)
