"""Without -c a daemon reads its file in /etc/policypool, unless it is told where to listen; a reload and an upgrade read the same file."""
import os
import subprocess
from lib.bench import PROGRAMS, Bench, ctl, ctl_run, free_port, wait_until
from lib.needs import need_command, need_root

need_root()
need_command("unshare", "nsenter")

with Bench() as b:
    folder, port = f"{b.runtime}-etc", free_port()
    os.makedirs(folder, 0o755)
    with open(f"{folder}/proxy.conf", "w") as f:
        f.write(f"listen = 127.0.0.1:{port}\nworkers = 1\nruntime_dir = {b.runtime}\nlog = stderr\n")
    # A mount namespace where that folder is /etc/policypool; where there is none on this machine, /etc is another one too.
    prepare = (f"mount -t tmpfs none /mnt && mkdir /mnt/etc && cp -a /etc/passwd /etc/group /etc/nsswitch.conf /etc/hosts /mnt/etc/ 2>/dev/null;"
               f" mkdir -p /mnt/etc/policypool && cp {folder}/*.conf /mnt/etc/policypool/ && mount --bind /mnt/etc /etc && exec \"$@\"")

    def there(*argv):
        return ["unshare", "--mount", "sh", "-c", prepare, "sh", *argv]

    def run(*argv):
        done = subprocess.run(there(*argv), capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    status, out, err = run(f"{PROGRAMS}/ppool-proxy", "-t")
    assert (status, out) == (0, "ppool-proxy: configuration /etc/policypool/proxy.conf is ok\n"), (status, out, err)
    status, out, err = run(f"{PROGRAMS}/ppool-proxy", "-t", "-port", "0")
    assert (status, out) == (0, "ppool-proxy: configuration is ok; no file is read\n"), (status, out, err)
    status, out, err = run(f"{PROGRAMS}/ppool-server", "-t")
    assert status == 2 and "-id ID, -pp POLICY and -listen PORT are needed" in err, ("no file, no error of one", status, err)

    proxy = subprocess.Popen(there(f"{PROGRAMS}/ppool-proxy"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        path = f"{b.runtime}/ppool-proxy-{port}.sock"
        wait_until(lambda: ctl_run("-s", path, "status")[0] == 0, "a proxy at the port of the file")
        wait_until(lambda: ctl(path, "status")["state"] == "running", "it serves")
        assert ctl(path, "status")["workers"]["wanted"] == 1
        pid = ctl(path, "status")["pid"]
        change = "sed -i 's/workers = 1/workers = 2/' /etc/policypool/proxy.conf"
        subprocess.run(["nsenter", "--mount", "--target", str(pid), "sh", "-c", change], check=True, timeout=60)
        status, out, err = ctl_run("-s", path, "reload")
        assert status == 0 and ctl(path, "status")["workers"]["wanted"] == 2, (status, out, err)
        status, out, err = ctl_run("-s", path, "upgrade")
        assert status == 0 and ctl(path, "status")["workers"]["wanted"] == 2, (status, out, err)
    finally:
        ctl_run("-s", path, "stop")
        proxy.wait(30)
