import signal
from lib import plain
from lib.bench import Bench, run, wait_until

with Bench() as b:
    for argv, words in (
        (["--verify", "sha"], ["--verify", "none of shape, digest"]),
        (["--verify", "111=digest"], ["--verify", 'policy "111" { verify = digest }']),
        (["--health-check", "ping"], ["--health-check", "none of off, connect, request"]),
        (["--health-check", "off,connect"], ["--health-check", "connect"]),
        (["--eject-after", "1001"], ["--eject-after", "1000"]),
        (["--eject-share", "101"], ["--eject-share", "100"]),
        (["--eject-time", "1ms"], ["--eject-time", "10ms"]),
        (["--eject-max", "25h"], ["--eject-max", "1d"]),
        (["--slow-start", "2h"], ["--slow-start", "1h"]),
        (["--check-interval", "10ms"], ["--check-interval", "50ms"]),
        (["--check-timeout", "0"], ["--check-timeout", "10ms"]),
        (["--check-rise", "0"], ["--check-rise", "1"]),
        (["--check-fall", "0"], ["--check-fall", "1"]),
        (["--retry-budget", "200"], ["--retry-budget", "100"]),
    ):
        status, out, err = run("ppool-proxy", *argv, "-t")
        assert status == 2 and all(w in err for w in words), (argv, status, err)
    path = b.file("proxy.conf", "")
    proxy = b.proxy(options=["-c", path])
    old = plain.Server(proxy.port, id="1")
    proxy.wait_server("1", state="new")
    b.file("proxy.conf", 'policy "111" { health_check = request\ncheck_interval = 50ms }\n')
    proxy.send_signal(signal.SIGHUP)
    proxy.wait_server("1", state="up")
    wait_until(lambda: len(old.requests) > 3, "checks go on")
    assert all(map(plain.is_probe, old.requests))
    old.stop()
