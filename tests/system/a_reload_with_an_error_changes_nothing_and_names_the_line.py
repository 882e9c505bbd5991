import signal
from lib.bench import Bench, ask, correct, ctl, ctl_run, free_port, wait_until, workers

with Bench() as b:
    b.file("p.conf", "\n")
    b.file("s.conf", "\n")
    proxy = b.proxy(options=["-c", "p.conf"])
    server = b.server("1", "111", proxy, options=["-c", "s.conf"])
    taken = b.server("2", "222", proxy)
    for daemon, name, wrongs in ((proxy, "p.conf", (('\nqueue_timeout = "x"\n', "p.conf:2: queue_timeout"),
                                                    ('retries = 1\n\nno_such = 1\n', "p.conf:3: no_such"),
                                                    ('trusted_networks = { "10.0.0.0/99" }\n', "p.conf:1: trusted_networks"),
                                                    ('log = "/nowhere/at/all"\n', "/nowhere/at/all: No such file"))),
                                 (server, "s.conf", (('\n\nlease = 0\n', "s.conf:3: lease"),
                                                     ('retry_min = 2m\nretry_max = 1m\n', "retry_min is longer"),
                                                     ('log = "/nowhere/at/all"\n', "/nowhere/at/all: No such file")))):
        before = workers(daemon)
        for text, said in wrongs:
            b.file(name, text)
            status, out, err = ctl_run("-s", daemon.socket, "reload")
            assert status == 1 and said in err, (status, out, err)
            assert said in ctl(daemon.socket, "status")["reload_error"]
            daemon.wait_for("not reloaded; the settings before stay in force.*" + said)
        b.file(name, "no_such = 1\nneither = 2\n")
        status, out, err = ctl_run("-s", daemon.socket, "reload")
        assert status == 1 and "; " in err and "\\n" not in err and f"{name}:2: neither" in err, err
        assert "; " in ctl(daemon.socket, "status")["reload_error"]
        b.file(name, wrongs[-1][0])
        daemon.output = ""
        daemon.send_signal(signal.SIGHUP)
        daemon.wait_for("not reloaded; the settings before stay in force.*" + wrongs[-1][1])
        assert workers(daemon) == before and ctl(daemon.socket, "status")["generation"] == 1
        assert correct(ask(proxy))
        b.file(name, "\n")
        assert ctl_run("-s", daemon.socket, "reload")[0] == 0
        assert "reload_error" not in ctl(daemon.socket, "status")
