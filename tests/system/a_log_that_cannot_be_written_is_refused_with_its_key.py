"""By -t, at the start and by a reload alike, with status 2: it is the settings that are wrong."""
import os
import subprocess
from lib.bench import FOLDER, Bench, ctl_run, for_anybody
from lib.needs import need_command, need_root

need_root()
need_command("setpriv")
closed = os.path.join(FOLDER, "closed")
os.mkdir(closed, 0o755)
cases = [(program, option, f"{folder}/x.log", reason) for program, option in (("ppool-proxy", "--log"), ("ppool-server", "--log"), ("ppool-proxy", "--access-log-file"))
         for folder, reason in ((f"{FOLDER}/nowhere", "No such file"), (closed, "Permission denied"))]
cases += [("ppool-proxy", "--log", FOLDER, "Is a directory"), ("ppool-proxy", "--access-log-file", FOLDER, "Is a directory")]
least = {"ppool-proxy": ["-port", "0", "--access-log", "all"], "ppool-server": ["-id", "1", "-pp", "111", "-listen", "0"]}
for program, option, path, reason in cases:
    # Not as root: a closed folder does not stop it.
    argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", for_anybody(program)]
    for check in (["-t"], []):
        done = subprocess.run([*argv, *least[program], option, path, *check], capture_output=True, text=True, timeout=30)
        key = option[2:].replace("-", "_")
        assert done.returncode == 2 and f"{key}: {path}: {reason}" in done.stderr, (program, option, done)
with Bench() as b:
    conf = b.file("p.conf", "")
    proxy = b.proxy(options=["-c", conf])
    b.file("p.conf", f'access_log = all\naccess_log_file = "{FOLDER}/nowhere/x"\n')
    status, out, err = ctl_run("-s", proxy.socket, "reload")
    assert status == 1 and "access_log_file" in err and "No such file" in err, (status, out, err)
