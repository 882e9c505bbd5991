"""A start that lacks descriptors, or processes, wherever that strikes it: one status, a line that says why, nothing left behind; never
a try without end, whether in front or detached."""
import glob
import os
import resource
import shutil
import subprocess
from lib.bench import FOLDER, PROGRAMS, SLOW, ctl_run, for_anybody

RUN = os.path.join(FOLDER, "run")
PROXY = ["ppool-proxy", "-port", "0", "--state-file", f"{RUN}/state"]
SERVER = ["ppool-server", "-id", "1", "-pp", "1", "-listen", "0"]
NOBODY = 54321  # a user without processes


def start(argv, limits, **popen):
    """The exit status and what it said; None where it serves, which it then does not any more."""
    shutil.rmtree(RUN, ignore_errors=True)
    os.mkdir(RUN)
    os.chmod(RUN, 0o1777)

    def limit():
        for which, n in limits.items():
            resource.setrlimit(which, (n, n))
    process = subprocess.Popen([*argv, "--runtime-dir", RUN, "--workers", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               text=True, preexec_fn=limit, **popen)
    said = ""
    for line in process.stderr:  # the end of a detached one's, or of one in front
        said += line
        if 'msg="serving"' in line and "-d" not in argv:
            process.terminate()
    status = process.wait(60 * SLOW)
    for pidfile in glob.glob(f"{RUN}/*.pid") if status == 0 and "-d" in argv else []:
        assert ctl_run("-s", pidfile[:-3] + "sock", "stop", "now")[0] == 0
    return None if 'msg="serving"' in said or status == 0 else status, said


def sweep(program, limits, detach, **popen):
    failed = 0
    for n in limits:
        which = resource.RLIMIT_NPROC if popen else resource.RLIMIT_NOFILE
        status, said = start([*program, *detach], {which: n}, **popen)
        if status is None:
            break
        if status == 127:  # the loader
            continue
        failed += 1
        assert status in (1, 2), (n, status, said)  # 2: by the settings alone it can't be
        last = [line for line in said.splitlines() if "level=error" in line or status == 2][-1]
        assert any(word in last for word in ("limit of open files", "Too many open files", "temporarily unavailable", "cannot be forked", "libevent")), (n, said)
        assert not glob.glob(f"{RUN}/*.pid") and not glob.glob(f"{RUN}/*.sock"), (n, os.listdir(RUN))
    else:
        raise AssertionError(f"it never served: {said}")
    assert failed > 2, failed


for program, most in ((PROXY, 400), (SERVER, 400)):
    name = [f"{PROGRAMS}/{program[0]}", *program[1:]]
    sweep(name, range(4, most, 3), [])
    sweep(name, range(5, most, 3), ["-d"])
if os.geteuid() == 0 and SLOW == 1:  # a leak check needs a process of its own
    for detach in ([], ["-d"]):
        sweep([for_anybody("ppool-server"), *SERVER[1:]], range(0, 8), detach, user=NOBODY, group=NOBODY, extra_groups=[])
