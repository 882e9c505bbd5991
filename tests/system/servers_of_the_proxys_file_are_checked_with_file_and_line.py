from lib.bench import Bench, ctl_run, run

GOOD = 'server "a" { policy = "111" host = "10.0.0.5:5000" }\n'

with Bench() as b:
    def check(text, *options):
        path = b.file("proxy.conf", text)
        status, out, err = run("ppool-proxy", "-c", path, *options, "-t")
        return status, err.replace(path, "FILE")

    for text in (GOOD, 'server a { policy = 1 host = 5000 }', 'server a { policy = 1 host = "[::1]:5000" }', 'server a { policy = 1 host = "db.test:5" }',
                 'server a { policy = 1 host = "unix:/run/a.sock" kind = pooled pipeline = 9 slots = 65535 weight = 1000 repeat = no job_timeout = 1d }',
                 GOOD + 'server "b" { policy = "222" host = "10.0.0.5:5000" }',
                 GOOD + 'server "b" { policy = "111" host = "10.0.0.5:5000" kind = pooled }'):
        assert check(text)[0] == 0, (text, check(text))

    for text, error in (
        ('server "a" { host = "10.0.0.5:5000" }', 'FILE:1: server "a": policy: it is needed, as in policy = "111"'),
        ('\nserver "a" { policy = 111 }', 'FILE:2: server "a": host: it is needed, as in host = "10.0.0.5:5000"'),
        (GOOD + GOOD, 'FILE:2: server "a": given already in FILE:1'),
        ('server "%s" {}' % ("x" * 65), "an id has at most 64 bytes"),
        ('server "a\\"b" {}', 'FILE:1: server "a"b": '),
        ('server "a" {\npolicy = 111\nhost = "10.0.0.5"\n}', 'FILE:3: host: "10.0.0.5": '),
        ('server "a" {\npolicy = 111\nhost = "10.0.0.5:0"\n}', 'FILE:3: host: "10.0.0.5:0": there is no port 0 to connect to'),
        ('server "a" {\npolicy = 111\nhost = "unix:x"\n}', 'FILE:3: host: "unix:x": '),
        ('server "a" { policy = 111 host = "224.0.0.1:5" }', 'FILE:1: server "a": host: no server can be at this address'),
        ('server "a" { policy = 111 host = "127.0.0.1:2100" }', 'FILE:1: server "a": host: the proxy itself listens there'),
        ('server "a" { policy = 111 host = 5 kind = pools }', 'FILE:1: kind: "pools"'),
        ('server "a" { policy = 111 host = 5 pipeline = 2 }', 'FILE:1: server "a": pipeline: a plain server takes one request a connection; write kind = pooled'),
        ('server "a" { policy = 111 host = 5 slots = 0 }', "FILE:1: slots: "),
        ('server "a" { policy = 111 host = 5 weight = 1001 }', "FILE:1: weight: "),
        ('server "a" { policy = 111 host = 5 tls = yes }', 'FILE:1: server "a": tls: it needs server_ca'),
        ('server "a" { policy = 111 host = 5 wieght = 2 }', "FILE:1: wieght: no such key of a server (did you mean weight?)"),
        ('server "a" { policy = 111 host = 5 balance = hash }', "FILE:1: balance: no such key of a server"),
        ('host = "10.0.0.5:5"', "FILE:1: host: no such key"),
        (GOOD + 'server "b" { policy = "111" host = "10.0.0.5:5000" }', 'FILE:2: server "b": host: it is that of server "a" in FILE:1; a plain server has one id in a policy'),
        ('policy "111" { job = upper }\nserver "a" { policy = 111 host = 5 job = lower }',
         'FILE:2: server "a": job: it is lower, and that of policy 111 is upper: all servers of a policy do the same'),
        ('server "a" { policy = 111 host = 5 job = upper }\nserver "b" { policy = 111 host = 6 job = lower }', 'FILE:2: server "b": job: it is lower'),
        ("max_servers = 1\n" + GOOD + 'server "b" { policy = 1 host = 6 }', "more servers in the file than max_servers, 1"),
        ("max_policies = 1\n" + GOOD + 'server "b" { policy = 111 host = 6 }\nserver "c" { policy = 1 host = 7 }\nserver "d" { policy = 2 host = 8 }',
         "servers of 3 policies in the file, more than max_policies, 1"),
    ):
        status, err = check(text)
        assert status == 2 and error in err, (text, status, err)

    # All at once, what is shown reads back to the same, and a reload with an error changes nothing.
    status, err = check('server a { host = 5 }\nserver b { policy = 1 }\nserver c { policy = 1 host = 5 pipeline = 3 }')
    assert [l.split(":")[1] for l in err.splitlines()[:3]] == ["1", "2", "3"], err
    path = b.file("proxy.conf", GOOD)
    shown = run("ppool-proxy", "-c", path, "-T")[1]
    assert shown.endswith('\nserver "a" {\n\tpolicy = "111"\n\thost = "10.0.0.5:5000"\n}\n'), shown[-200:]
    assert run("ppool-proxy", "-c", b.file("again.conf", shown), "-T")[1] == shown
    assert run("ppool-proxy", "--host", "x", "-t")[0] == 2

    proxy = b.proxy(options=["-c", path, "--narrate", "no"])
    b.file("proxy.conf", GOOD + 'server "b" { policy = "1" }\n')
    status, out, err = ctl_run("-s", proxy.socket, "reload")
    assert status != 0 and f'{path}:2: server "b": host: it is needed' in out + err, (out, err)
    assert list(proxy.servers()) == ["a"]
