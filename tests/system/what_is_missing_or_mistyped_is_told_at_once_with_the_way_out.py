"""The first minutes with the programs: what is missing in one line with an example, what is mistyped with what was meant, a short help
and a whole one, and a word where all is well."""
import os
from lib.bench import PROGRAMS, Bench, free_port, run


def one_line(program, *argv, status=2):
    got, out, err = run(program, *argv)
    assert got == status and out == "" and "Traceback" not in err, (argv, got, out, err)
    return err


with Bench() as b:
    # All that is missing, at once, and a line that would do.
    err = one_line("ppool-server")
    assert err.count("\n") == 1 and all(w in err for w in ("-id", "-pp", "-listen", "as in: ppool-server -id 100 -pp 111 -listen 2105")), err
    err = one_line("ppool-server", "-pp", "1", "-listen", "0")
    assert "-id ID is needed" in err and "-pp POLICY" not in err.split("as in")[0], err
    err = one_line("ppool-client")
    assert err.count("\n") == 1 and "-revproc PORT and -pkt FILE" in err and "--payload" in err and "as in: ppool-client" in err, err
    err = one_line("ppool-client", "-revproc", "1", "--payload", "x")
    assert "--policy POLICY" in err and "-revproc PORT" not in err.split("as in")[0], err
    status, out, err = run("ppool-client", "-revproc", "1", "-pp", "111", "--payload", "x", "-t")
    assert status == 0, "-pp is what the server calls it: " + err

    # Mistyped: the program's name, what was meant, where the options are listed.
    for program in ("ppool-proxy", "ppool-server", "ppool-client"):
        err = one_line(program, "-foo")
        assert f"{program}: -foo: no such option" in err and f"try {program} --help" in err, err
    assert "did you mean -port?" in one_line("ppool-proxy", "-prot", "1")
    assert "did you mean --log-level?" in one_line("ppool-server", "--log-levle", "info")

    # A key of the other daemon, also in a section; those that both have are each one's own.
    for program, key, other in (("ppool-proxy", "handler_user", "ppool-server"), ("ppool-server", "balance", "ppool-proxy")):
        conf = b.file("other.conf", f"{key} = x\n")
        assert f"{conf}:1: {key}: no such key here; it is a key of {other}\n" in one_line(program, "-c", conf, "-t")
        option = "--" + key.replace("_", "-")
        assert f"{program}: {option}: no such option here; it is one of {other}\n" in one_line(program, option, "x")
    conf = b.file("other.conf", 'policy "111" {\n  job_timeout = 3s\n}\n')
    assert "other.conf:2: job_timeout: no such key here; it is a key of ppool-server" in one_line("ppool-proxy", "-c", conf, "-t")

    # A short help with the usual, a whole one with all.
    for program, usual, rare in (("ppool-proxy", "-port", "--eject-share"), ("ppool-server", "-revproc", "--retry-min"), ("ppool-client", "--payload", "--insecure")):
        status, short, err = run(program, "-h")
        assert status == 0 and usual in short and rare not in short and "--help-all" in short and len(short.splitlines()) < 50, short
        status, whole, err = run(program, "--help-all")
        assert status == 0 and usual in whole and rare in whole, whole

    status, out, err = run("ppool-proxy", "--server-verify", "no", "-t")
    assert status == 2 and "--key=no" in err, (status, err)

    # A word for what is right.
    good = b.file("good.conf", "\ufeffid = 1\npolicy = 111\nlisten = 0\n")
    status, out, err = run("ppool-server", "-c", good, "-t")
    assert status == 0 and out == f"ppool-server: configuration {good} is ok\n", (status, out, err)
    assert run("ppool-proxy", "-t")[1].startswith("ppool-proxy: configuration is ok")

    packet = b.file("packet.json", '\ufeff{"type":"0","srcid":"1","privPoliId":"111","payload":"x"}')
    status, out, err = run("ppool-client", "-revproc", free_port(), "-pkt", packet, "--retries", "0")
    assert status != 2 and "JSON" not in err, (status, err)

    # What cannot work, or means something else than it says, does not pass.
    def wrong(program, text, *words):
        path = os.path.join(os.path.dirname(good), "wrong.conf")
        with open(path, "wb") as f:
            f.write(text.encode() if isinstance(text, str) else text)
        err = one_line(program, "-c", path, "-t")
        assert all(w in err for w in words), (text, err)
    server = "id = 1\nlisten = 0\n"
    wrong("ppool-server", server + "policy = 111;\n", "wrong.conf:3:", "no ; is needed at the end")
    wrong("ppool-server", server + 'policy = "111,222"\n', "wrong.conf:3: policy", "comma", "one policy")
    wrong("ppool-server", server.encode() + b'policy = "\xff1"\n', "wrong.conf:3: policy", "\\xff1", "not UTF-8")
    wrong("ppool-server", b'id = "\xc3"\npolicy = 1\nlisten = 0\n', "wrong.conf:1: id", "not UTF-8")
    wrong("ppool-server", server + 'policy = 1\ninclude "x"\n', "wrong.conf:4:", "include", "/x: No such file")
    wrong("ppool-proxy", "require_signature = yes\n", "require_signature needs keyring")
    wrong("ppool-proxy", 'store = { "http://a:1" }\n', "with store each proxy needs one of its own")
    wrong("ppool-proxy", 'id = p1 store = { "https://a:1" }\n', "https:// needs store_ca")
    wrong("ppool-proxy", 'id = p1 store = { "a:1" }\n', "it must begin with http:// or https://")
    wrong("ppool-proxy", "store_ttl = 1s\n", "store_ttl: ")
    port = free_port()
    for listen, admin in ((port, port), (f"0.0.0.0:{port}", port), (port, f"127.0.0.1:{port}"), (port, f"0.0.0.0:{port}")):
        wrong("ppool-proxy", f'listen = "{listen}"\nadmin = "{admin}"\n', "admin", "another port")
    assert run("ppool-proxy", "-port", port, "--admin", port + 1, "-t")[0] == 0

    # A server that joins nothing says so.
    alone = b.server("1", "111", None)
    alone.wait_for("joined to no proxy: revproc is not set")
    alone.wait_for("Server 1: joined to no proxy")

    # A user by a number that has no entry.
    if os.geteuid() == 0:
        numbered = b.server("2", "111", None, options=["--user", "54351"])
        uids = {line.split()[1] for pid in __import__("lib.footprint", fromlist=["children"]).children(numbered.pid) for line in open(f"/proc/{pid}/status") if line.startswith("Uid:")}
        assert uids == {"54351"}, uids
        assert run("ppool-server", "-id", "1", "-pp", "1", "-listen", "0", "--user", "no-such-one", "-t")[0] == 2
