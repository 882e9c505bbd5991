"""The id in the settings file was changed: an upgrade is refused and says so, and the server is still the one it was."""
from lib.bench import Bench, Daemon, PROGRAMS, ask, correct, ctl, ctl_run, workers

with Bench() as b:
    proxy = b.proxy()
    conf = b.file("s.conf", "id = 7\npolicy = 111\nlisten = 0\n")
    server = b.keep(Daemon([f"{PROGRAMS}/ppool-server", "-c", conf, "-revproc", str(proxy.port), "--runtime-dir", b.runtime, "--workers", "2"]))
    server.wait_for('msg="serving" id=7 ')
    server.socket = f"{b.runtime}/ppool-server-7.sock"
    proxy.wait_server("7")
    before = server.pid, workers(server)
    b.file("s.conf", "id = 8\npolicy = 111\nlisten = 0\n")
    status, out, err = ctl_run("-s", server.socket, "upgrade")
    assert status == 1 and "a server of another id is another server" in err, (status, out, err)
    assert "another id" in ctl(server.socket, "status")["upgrade_error"]
    assert (ctl(server.socket, "status")["pid"], workers(server)) == before
    assert list(proxy.servers()) == ["7"] and correct(ask(proxy))
    b.file("s.conf", "id = 7\npolicy = 111\nlisten = 0\n")
    server.upgrade()
    assert list(proxy.servers()) == ["7"] and correct(ask(proxy))
