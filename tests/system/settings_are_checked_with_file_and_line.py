from lib.bench import Bench, run

with Bench() as b:
    path = b.file("proxy.conf", 'listen = "127.0.0.1:2100"\nworkers = 3\nreply_timeout = "10x"\n\nworkres = 2\nretries = 1000\ntrusted_networks = { "10.0.0.0/8", "10.0.0.300" }\n')
    status, out, err = run("ppool-proxy", "-c", path, "-t")
    assert status == 2, (status, err)
    for line, word in ((3, "10x"), (5, "workres"), (6, "retries"), (7, "10.0.0.300")):
        assert any(f"{path}:{line}:" in l and word in l for l in err.splitlines()), (line, word, err)
    assert "workers?" in err, "no suggestion for workres: " + err
    good = b.file("good.conf", 'listen = 2107\nworkers = 3\nreply_timeout = 2500ms\nmax_message = 64K\nstrict_payloadsize = yes\n')
    assert run("ppool-proxy", "-c", good, "--check")[0] == 0
    status, shown, err = run("ppool-proxy", "-c", good, "-T", "--workers", "5")
    assert status == 0, err
    lines = [l for l in shown.splitlines() if l and not l.startswith("#")]
    force = dict(l.split(" = ", 1) for l in lines)
    assert force["workers"] == "5", "the command line must beat the file"
    assert force["listen"] == '{ "2107" }' and force["strict_payloadsize"] in ("yes", "true"), force
    again = b.file("again.conf", shown)
    status, second, err = run("ppool-proxy", "-c", again, "-T")
    assert status == 0 and second == shown, (err, second, shown)
    for argv, words in (
        (["-c", "/no/such.conf"], ["/no/such.conf", "No such file"]),
        (["--lisen", "1"], ["--lisen", "--listen"]),
        (["--workers", "0x"], ["--workers", "0x"]),
        (["--workers", "513"], ["--workers", "512"]),
        (["--balance", "leastcon"], ["--balance", "leastcon", "hash:KEY"]),
        (["--balance", "222=leastconn"], ["--balance", 'policy "222" { balance = leastconn }']),
        (["-port", "70000"], ["-port", "70000"]),
        (["-port", "abc"], ["-port", "abc"]),
        (["--log-level", "loud"], ["loud", "debug"]),
        (["--reply-timeout"], ["--reply-timeout"]),
        (["--upgrade-timeout", "99ms"], ["--upgrade-timeout", "99ms"]),
        (["--log-rate", "-1"], ["--log-rate", "-1", "not a number"]),
        (["--forget-after", "soon"], ["--forget-after", "soon", "not a duration"]),
        (["--servers-per-address", "65536"], ["--servers-per-address", "65535"]),
        (["--admin-names", "a_b!"], ["--admin-names", "a_b!", "host name"]),
        (["--isolation", "some"], ["--isolation", "some", "unfiltered"]),
        (["--pidfile", "p.pid"], ["--pidfile", "p.pid", "must begin with /"]),
        (["stray"], ["stray"]),
    ):
        status, out, err = run("ppool-proxy", *argv, "-t")
        assert status == 2 and all(w in err for w in words), (argv, status, err)
    for argv, word in (([], "-id"), (["-id", "1"], "-pp"), (["-id", "1", "-pp", "2"], "-listen"),
                       (["-id", "x" * 65, "-pp", "2", "-listen", "1"], "-id"), (["-id", "1", "-pp", "2", "-listen", "1", "-revproc", "x:y:z"], "-revproc")):
        status, out, err = run("ppool-server", *argv, "-t")
        assert status == 2 and word in err, (argv, status, err)
