"""What was asked for and can't be is refused at the start and by -t, with the key's name."""
import os
import subprocess
from lib.bench import FOLDER, for_anybody, run

DAEMONS = {"ppool-proxy": ["-port", "0"], "ppool-server": ["-id", "1", "-pp", "111", "-listen", "0"]}
WRONG = [(["--user", "no-such-user"], "user: no-such-user: no such user"),
         (["--group", "no-such-group"], "group: no-such-group: no such group"),
         (["--isolation", "maybe"], "--isolation: "),
         (["--no-no-new-privs"], "--no-no-new-privs: no such option any more; set nothing for yes, isolation = none for no"),
         (["--seccomp", "no"], "--seccomp: no such option any more; set isolation = strict for yes, unfiltered for no, log for log"),
         (["--worker-umask", "01777"], "--worker-umask: "),
         (["--worker-core", "2048G"], "--worker-core: "),
         (["--worker-address-space", "x"], "--worker-address-space: "),
         (["--worker-max-files", "-1"], "--worker-max-files: ")]


def without_root(program, *argv):
    """The same as nobody, from where nobody may read it."""
    done = subprocess.run([for_anybody(program), *argv], capture_output=True, text=True, cwd="/",
                          preexec_fn=(lambda: (os.setgroups([]), os.setgid(65534), os.setuid(65534))) if os.geteuid() == 0 else None)
    return done.returncode, done.stderr


FORMER = os.path.join(FOLDER, "former.conf")
with open(FORMER, "w") as f:
    f.write("seccomp = no\ndrop_capabilities = yes\n")

for program, argv in DAEMONS.items():
    status, out, err = run(program, *argv, "-t", "-c", FORMER)
    assert status == 2 and f"{FORMER}:1: seccomp: no such key any more; write isolation = strict for yes, unfiltered for no" in err, err
    assert f"{FORMER}:2: drop_capabilities: no such key any more; write nothing for yes, isolation = none for no" in err, err
    for options, want in WRONG:
        for more in ([], ["-t"]):
            status, out, err = run(program, *argv, *options, *more)
            assert status == 2 and want in err, (program, options, status, err)
    for options, want in ((["--user", "root"], "user: root: only root can become another user"),
                          (["--group", "root"], "group: root: only root can change it")):
        for more in ([], ["-t"]):
            status, err = without_root(program, *argv, *options, *more)
            assert status == 2 and f"{program}: {want}" in err, (program, options, status, err)
    status, err = without_root(program, *argv, "-t")
    assert status == 0, err
