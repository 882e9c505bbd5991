"""A server whose handler crashes at its start does not serve; one that is reloaded to such a handler goes on with the former one."""
from lib.bench import PROGRAMS, Bench, Daemon, client_json, ctl_run, reload, wait_until
from lib.misbehaving import PROXY, processes, outcome, program, start_client

CONF = """id = 100
policy = 111
listen = 0
revproc = {port}
runtime_dir = "{runtime}"
workers = 2
job = sick
handler = exec
handler_command = {{"/usr/bin/python3", "{program}"}}
handler_setting = {{"start={start}"}}
handler_start_timeout = 10s
"""

with Bench() as b:
    proxy = b.proxy(options=PROXY)
    fields = {"port": proxy.port, "runtime": b.runtime, "program": program()}
    path = b.file("server.conf", CONF.format(start="fine", **fields))
    server = b.keep(Daemon([f"{PROGRAMS}/ppool-server", "-c", path, "--narrate", "no"]))
    server.wait_for(r'msg="serving"')
    server.socket = f"{b.runtime}/ppool-server-100.sock"
    server.id = "100"
    proxy.wait_server("100")
    before = processes(server)
    load = start_client(proxy, "--policy", "111", "--size", 60, "--vary", "--expect", "sha256", "--count", 2000, "--parallel", 8)
    b.file("server.conf", CONF.format(start="crash", **fields))
    status, out, err = ctl_run("-s", server.socket, "reload")
    assert status != 0, (status, out, err)
    got = outcome(load)
    assert got["correct"] == 2000, got
    assert processes(server) & before, "the former processes do the jobs"
    status, got = client_json(proxy, "--policy", "111", "--payload", "x", "--expect", "sha256", "--count", 50, "--parallel", 4)
    assert status == 0, got
    b.file("server.conf", CONF.format(start="fine", **fields))
    reload(server)
    wait_until(lambda: not processes(server) & before, "the reload has started new ones, and the former end")
    status, got = client_json(proxy, "--policy", "111", "--payload", "x", "--expect", "sha256", "--count", 50, "--parallel", 4)
    assert status == 0, got
