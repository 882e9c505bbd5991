"""A settings file is read from a pipe at the start; where it is a FIFO or a device when it is read again, the reload is refused with the
reason, and the daemon serves on."""
import os
import subprocess
from lib.bench import FOLDER, PROGRAMS, Bench, Daemon, ctl, ctl_run, still_serves

with Bench() as b:
    conf = b.file("proxy.conf", "queue_timeout = 2s\n")
    proxy = b.proxy(options=["-c", conf])
    b.server("1", "111", proxy)
    os.rename(conf, conf + ".was")
    os.mkfifo(conf)
    status, out, err = ctl_run("-s", proxy.socket, "reload")
    assert status == 1 and f"{conf}: a FIFO or a device can be read at the start alone" in out + err, (status, out, err)
    os.unlink(conf)
    os.symlink("/dev/zero", conf)
    status, out, err = ctl_run("-s", proxy.socket, "reload")
    assert status == 1 and "a FIFO or a device" in out + err, (status, out, err)
    status, out, err = ctl_run("-s", proxy.socket, "upgrade")
    assert status == 1, (status, out, err)
    still_serves(proxy)
    os.unlink(conf)
    os.rename(conf + ".was", conf)
    assert ctl_run("-s", proxy.socket, "reload")[0] == 0
    still_serves(proxy)
    shown = subprocess.run([f"{PROGRAMS}/ppool-proxy", "-c", "/dev/stdin", "--show"], input="listen = \"4711\"\n", text=True, capture_output=True)
    assert shown.returncode == 0 and "4711" in shown.stdout, shown
