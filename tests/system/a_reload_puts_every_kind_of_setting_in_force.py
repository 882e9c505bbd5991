"""Numbers, limits, networks, clocks, the log, scheduling: what the file says after a reload is what counts; what cannot change is said."""
import os
import signal
from lib.bench import FOLDER, Bench, Peer, Proxy, ask, correct, ctl, free_port, reload, request, wait_until, workers

with Bench() as b:
    log = os.path.join(FOLDER, "p.log")
    conf = b.file("p.conf", "workers = 2\n")
    proxy = b.keep(Proxy(b, options=["-c", os.path.basename(conf), "--workers=2"]))
    b.file("s.conf", "")
    server = b.server("1", "111", proxy, options=["-c", "s.conf"])
    old = set(workers(proxy))

    b.file("p.conf", f'max_message = 2K\nclient_pipeline = 1\nlog = "{log}"\nlog_format = json\nmax_servers = 7\nscheduling = inherit\n')
    assert "max_servers takes effect" in reload(proxy)
    assert not old & set(workers(proxy))
    assert {os.sched_getscheduler(pid) for pid in workers(proxy)} == {os.sched_getscheduler(proxy.pid)}
    assert ask(proxy, payload="x" * 3000)["code"] == "too-large"
    assert correct(ask(proxy))
    with open(log) as f:
        assert '"msg":"reloaded"' in f.read()

    b.file("p.conf", 'trusted_networks = { "10.0.0.0/8" }\nscheduling = batch\n')
    proxy.send_signal(signal.SIGHUP)
    wait_until(lambda: ctl(proxy.socket, "status")["generation"] == 3, "a third generation")
    wait_until(lambda: len(ctl(proxy.socket, "workers")) == 2, "the second has left")
    assert {os.sched_getscheduler(pid) for pid in workers(proxy)} == {os.SCHED_BATCH} != {os.sched_getscheduler(proxy.pid)}
    other = b.server("2", "222", proxy, wait=False)
    other.wait_for("refused: denied")
    assert correct(ask(proxy, payload="x" * 3000), "x" * 3000), "the former limit is gone"

    b.file("s.conf", 'weight = 5\nworker_connections = 1\nslots = 3\n')
    b.file("p.conf", "")
    reload(proxy)
    proxy.wait_server("2")
    reload(server)
    proxy.wait_server("1", weight=5, slots=3)
    status = ctl(server.socket, "status")
    assert status["generation"] == 2 and "reload_error" not in status and status["reloaded"]
    assert correct(ask(proxy))
