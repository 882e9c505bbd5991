"""Two that write the same file would each bring back what never joined them; two of one name would take each other's orders."""
import os
import signal
from lib.bench import FOLDER, PROGRAMS, Bench, ask, correct, ctl_run, free_port, run, wait_until
from lib.plain import Server

JOURNAL = os.path.join(FOLDER, "state", "proxy.journal")


def refused(*options):
    status, out, err = run("ppool-proxy", "-port", "0", "--workers", "1", *options)
    assert status == 1, (status, out, err)
    return err


with Bench() as b:
    other = os.path.join(FOLDER, "other")
    proxy = b.proxy(options=["--state-file", JOURNAL])
    plain = Server(proxy.port, id="1", policy="111")
    proxy.wait_server("1")
    for how in ([], ["-d"]):
        err = refused("--runtime-dir", other, "--state-file", JOURNAL, *how)
        assert err.count("level=error") == 1 and "another proxy has this state file" in err and f"by_pid={proxy.pid}" in err, err
    # A successor has it without a gap, also where the upgrade fails.
    proxy.upgrade()
    wait_until(lambda: f"by_pid={proxy.pid}" in refused("--runtime-dir", other, "--state-file", JOURNAL), "the lock to tell its holder")
    assert correct(ask(proxy)) and "1" in proxy.servers()

    # The same port at another address has the same name here.
    err = refused("-port", f"127.0.0.2:{proxy.port}", "--runtime-dir", b.runtime)
    assert err.count("level=error") == 1 and "another daemon" in err and "runtime_dir" in err and proxy.socket in err, err
    second = b.proxy(port=f"127.0.0.2:{proxy.port}", options=["--runtime-dir", other])
    assert os.path.exists(f"{other}/ppool-proxy-{proxy.port}.sock")
    status, out, _ = ctl_run("--runtime-dir", other, "-p", proxy.port, "status")
    assert status == 0 and f"127.0.0.2:{proxy.port}" in out, out

    # Once it has gone, whatever way, the next one may have both.
    port = proxy.port
    for end in (signal.SIGKILL, signal.SIGTERM):
        os.kill(proxy.pid, end)
        wait_until(lambda: not proxy.alive(), "the end")
        b.started.remove(proxy)
        proxy = b.proxy(port=port, options=["--state-file", JOURNAL])
        assert "1" in proxy.servers()
    plain.stop()
