"""At the check of settings, at a start and at a reload: without the symbol, of another ABI, with a text relocation, with a library
that is missing, no shared object, not there.  A reload to such a module leaves the former one in service."""
import os
from lib.bench import Bench, ctl_run, reload, run
from lib.job_options import answer, module, options, place

WRONG = {"absent": "it does not export ppool_handler_1", "abi2": "it is made for ABI 2: this program has ABI 1",
         "otherabi": "it is made for ABI 7", "small": "ppool_handler_1 has 24 bytes", "textrel": "it has text relocations: compile it with -fPIC"}
FIRST = ["-id", "1", "-pp", "111", "-listen", "0"]

with Bench() as b:
    for name, why in WRONG.items():
        conf = b.file("wrong.conf", f'\nhandler = module\nhandler_module = "{module(name)}"\n')
        status, out, err = run("ppool-server", "-c", conf, *FIRST, "-t")
        assert status == 2 and "wrong.conf:3: " in err and f"{name}.so: {why}" in err, (name, status, out, err)
        status, out, err = run("ppool-server", "-c", conf, *FIRST)
        assert status == 2 and f"{name}.so: {why}" in err, (name, status, out, err)
    for path, why in (("/etc/passwd", "it is no shared object"), ("/nowhere.so", "No such file"), ("/etc", "it is no file")):
        status, out, err = run("ppool-server", *FIRST, *options(handler="module", handler_module=path), "-t")
        assert status == 2 and f"{path}: {why}" in err, (path, status, out, err)
    if os.geteuid() == 0:
        private = place(module("upper"), "private.so")
        os.chmod(private, 0o600)
        status, out, err = run("ppool-server", *FIRST, *options(handler="module", handler_module=private), "-t")
        assert status == 2 and f"{private}: job processes run as user nobody, which may not read it: chmod o+r it, or set handler_user" in err, (status, out, err)

    conf = b.file("s.conf", f'handler = module\nhandler_module = "{module("upper")}"\njob = upper\n')
    proxy = b.proxy()
    server = b.server("1", "111", proxy, options=["-c", conf, *options()])
    assert answer(proxy, "hello") == "HELLO"
    for name, why in (("abi2", "it is made for ABI 2"), ("needy", "absent.so: cannot open shared object file"), ("norun", "it has no run()")):
        b.file("s.conf", f'handler = module\nhandler_module = "{module(name)}"\njob = upper\nhandler_start_timeout = 2s\n')
        status, out, err = ctl_run("-s", server.socket, "reload")
        assert status != 0, (name, out, err)
        server.wait_for(f"{name}.so: {why}".replace("(", r"\(").replace(")", r"\)"))
        assert answer(proxy, "hello") == "HELLO", name
    b.file("s.conf", f'handler = module\nhandler_module = "{place(module("upper"), "again.so")}"\njob = upper\nhandler_setting = "prefix=2"\n')
    reload(server)
    assert answer(proxy, "hello") == "2HELLO"
