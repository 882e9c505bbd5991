"""-t tells what a start would end by, with the key, and makes nothing; a control socket that nobody asked for is done without, and so
is a state file."""
import os
from lib.bench import FOLDER, run

file = os.path.join(FOLDER, "file")
with open(file, "w"):
    pass
everybodys = os.path.join(FOLDER, "everybodys")
os.mkdir(everybodys)
os.chmod(everybodys, 0o777)
to_make = os.path.join(FOLDER, "to/make")
least = {"ppool-proxy": ["-port", "0"], "ppool-server": ["-id", "1", "-pp", "111", "-listen", "0"]}
wrong = [
    (["-d", "--runtime-dir", file], f"runtime_dir: {file}: Not a directory"),
    (["-d", "--runtime-dir", f"{file}/x"], f"runtime_dir: {file}/x: Not a directory"),
    (["-d", "--runtime-dir", f"{FOLDER}/a/b/c"], f"runtime_dir: {FOLDER}/a/b/c: No such file or directory"),
    (["-d", "--runtime-dir", everybodys], f"runtime_dir: {everybodys}: it belongs to another user, or anybody may write to it"),
    (["--runtime-dir", file, "--control", f"{file}/x.sock"], f"runtime_dir: {file}: Not a directory"),
    (["--pidfile", f"{FOLDER}/nowhere/x.pid"], f"pidfile: {FOLDER}/nowhere/x.pid: No such file or directory"),
    (["--control", f"{FOLDER}/nowhere/x.sock"], f"control: {FOLDER}/nowhere/x.sock: No such file or directory"),
]
fine = [["-d", "--runtime-dir", to_make], ["-d", "--runtime-dir", to_make, "--pidfile", f"{to_make}/x.pid"], ["--pidfile", f"{FOLDER}/x.pid"],
        ["--runtime-dir", file, "--control", "none"]]
for program in least:
    for options, words in wrong:
        status, out, err = run(program, *least[program], *options, "-t")
        assert status == 2 and f"{program}: {words}" in err and "is ok" not in out, (program, options, status, out, err)
        status, out, err = run(program, *least[program], "--log", "stderr", *options)
        assert status == 1, ("it would start", program, options, status, err)
    for options in fine:
        status, out, err = run(program, *least[program], *options, "-t")
        assert status == 0 and "is ok" in out and "runtime_dir" not in err, (program, options, status, out, err)
    status, out, err = run(program, *least[program], "--runtime-dir", file, "-t")
    assert status == 0 and f"runtime_dir: {file}: Not a directory; there would be no control socket" in err, (status, out, err)
for path, words in [(f"{FOLDER}/a/b/c/d", "No such file or directory"), (f"{file}/x", "Not a directory"),
                    (f"{everybodys}/x", "its folder belongs to another user, or anybody may write to it")]:
    status, out, err = run("ppool-proxy", *least["ppool-proxy"], "--runtime-dir", to_make, "--state-file", path, "-t")
    assert status == 0 and f"ppool-proxy: state_file: {path}: {words}; the registry is not kept" in err, (path, status, out, err)
status, out, err = run("ppool-proxy", *least["ppool-proxy"], "--runtime-dir", to_make, "--state-file", f"{to_make}/x", "-t")
assert status == 0 and "state_file" not in err, (status, out, err)
assert not {"to", "a"} & set(os.listdir(FOLDER)) and not os.listdir(everybodys), os.listdir(FOLDER)
