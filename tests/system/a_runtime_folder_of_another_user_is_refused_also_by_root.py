"""Its owner could replace what is in it.  Which folder, and what to do, is said; with one of root's own it starts."""
import os
from lib.bench import FOLDER, Bench, ctl, run, free_port, wait_until, runs
from lib.needs import need_root

need_root()
foreign = os.path.join(FOLDER, "foreign")
os.mkdir(foreign)
os.chown(foreign, 65534, 65534)
port = free_port()
status, out, err = run("ppool-proxy", "-d", "-port", port, "--runtime-dir", foreign, "--state-file", "none", "--log", f"{FOLDER}/log")
assert status == 1 and "belongs to another user" in err and foreign in err and "runtime_dir" in err, (status, out, err)
assert os.listdir(foreign) == []
with Bench() as b:
    status, out, err = run("ppool-proxy", "-d", "-port", port, "--runtime-dir", b.runtime, "--state-file", "none", "--log", f"{FOLDER}/log")
    assert status == 0, err
    pid = ctl(f"{b.runtime}/ppool-proxy-{port}.sock", "status")["pid"]
    os.kill(pid, 15)
    wait_until(lambda: not runs(pid), "its end")
