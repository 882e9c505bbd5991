from lib.bench import PROGRAMS, Bench, Daemon, ask, correct, ctl, free_port, wait_until

with Bench() as b:
    port = free_port()
    pconf = b.file("p.conf", f'listen = "127.0.0.1:{port}"\nruntime_dir = "{b.runtime}"\nworkers = 1\n')
    sconf = b.file("s.conf", f'id = "S1"\npolicy = "PP_1"\nlisten = 0\nrevproc = "localhost:{port}"\nruntime_dir = "{b.runtime}"\nworkers = 1\n')
    proxy = b.keep(Daemon([f"{PROGRAMS}/ppool-proxy", "-c", pconf]))
    proxy.wait_for("Proxy running on port")
    b.keep(Daemon([f"{PROGRAMS}/ppool-server", "-c", sconf])).wait_for("Server running")
    wait_until(lambda: ctl(f"{b.runtime}/ppool-proxy-{port}.sock", "servers"), "the registration")
    assert correct(ask(port, policy="PP_1"))
