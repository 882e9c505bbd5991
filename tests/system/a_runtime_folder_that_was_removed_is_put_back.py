"""rm -r of the runtime folder leaves a daemon that cannot be asked: a reload, and an upgrade, put back what was there, and say so."""
import os
import shutil
import signal
from lib.bench import FOLDER, Bench, ask, correct, ctl, run, wait_until

with Bench() as b:
    folder = os.path.join(b.runtime, "own")  # which is made though the pidfile is named
    proxy_pid, server_pid = (os.path.join(folder, f"{name}.pid") for name in ("p", "s"))
    proxy = b.proxy(options=["--runtime-dir", folder, "--pidfile", proxy_pid, "--control", f"{folder}/p.sock"])
    server = b.server("1", "111", proxy.port, options=["--runtime-dir", folder, "--pidfile", server_pid])
    proxy.socket, server.socket = f"{folder}/p.sock", f"{folder}/ppool-server-1.sock"
    proxy.wait_server("1")

    def there(daemon, pidfile):
        return os.path.exists(daemon.socket) and os.path.exists(pidfile) and open(pidfile).read() == f"{ctl(daemon.socket, 'status')['pid']}\n"

    both = ((proxy, proxy_pid), (server, server_pid))
    for daemon, pidfile in both:
        assert there(daemon, pidfile)
    for round in (1, 2):
        shutil.rmtree(folder)
        for daemon, pidfile in both:
            daemon.send_signal(signal.SIGHUP)
            daemon.wait_for("the control socket had been removed: put back")
            wait_until(lambda: there(daemon, pidfile), "socket and pidfile")
        assert correct(ask(proxy))
    status, _, err = run("ppool-proxy", "-port", "0", "--runtime-dir", folder, "--pidfile", proxy_pid, "--control", "none")
    assert status == 1 and "already running" in err and str(proxy.pid) in err, "it is locked again: " + err
    # One that is there is left alone.
    before = os.stat(proxy.socket).st_ino, os.stat(proxy_pid).st_ino
    assert ctl(proxy.socket, "reload")["done"]
    assert before == (os.stat(proxy.socket).st_ino, os.stat(proxy_pid).st_ino)
    assert proxy.said("the pidfile had been removed: put back", 2) == 2, proxy.output

    shutil.rmtree(folder)
    for daemon, pidfile in both:
        former = daemon.pid
        daemon.send_signal(signal.SIGUSR2)
        wait_until(lambda: os.path.exists(daemon.socket), "the socket")
        daemon.upgraded(former)
        wait_until(lambda: there(daemon, pidfile) and open(pidfile).read() == f"{daemon.pid}\n", "the successor's pidfile")
    assert correct(ask(proxy)) and sorted(os.listdir(folder)) == ["p.pid", "p.sock", "ppool-server-1.sock", "s.pid"]
