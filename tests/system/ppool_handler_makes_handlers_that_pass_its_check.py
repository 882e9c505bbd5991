"""Each language whose interpreter is here: what `new` makes passes `check`, as it stands and with its configuration."""
import os
import shutil
import subprocess
from lib.bench import FOLDER, PATIENCE, PROGRAMS, run
from lib.needs import need_command

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INTERPRETER = {"python": "python3", "sh": "sh", "perl": "perl", "node": "node", "c": "gcc"}
CHECKS = ["start", "number", "empty", "nul", "e-acute", "emoji", "1-MiB", "odd", "bytes", "idle", "growth", "end"]
PATIENT = ["--job-timeout", f"{60 * PATIENCE:.0f}s", "--handler-start-timeout", f"{60 * PATIENCE:.0f}s"]


def handler(*argv, seconds=170):
    done = subprocess.run([f"{PROGRAMS}/ppool-handler", *argv], capture_output=True, text=True, timeout=seconds * PATIENCE, cwd=FOLDER)
    return done.returncode, done.stdout, done.stderr


need_command("python3", "sh")
here = [language for language, program in INTERPRETER.items() if shutil.which(program, path="/usr/bin:/bin")]
for language in here:
    name = f"upper-{language}"
    status, out, err = handler("new", language, name)
    build = f"cc -O2 -shared -fPIC -o {name}.so {name}.c $(pkg-config --cflags policypool-handler) && " if language == "c" else ""
    assert status == 0 and f"next: cd {name} && {build}ppool-handler check -c {name}.conf" in out, (status, out, err)
    assert sorted(os.listdir(f"{FOLDER}/{name}")) == sorted([f"{name}.c" if language == "c" else name, f"{name}.conf", "packet.json", "README"])
    status, out, err = handler("new", language, name)
    assert status == 1 and "is there already" in err, (status, out, err)
    if language == "c":
        subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-o", f"{name}.so", f"{name}.c", f"-I{ROOT}/include"],
                       check=True, cwd=f"{FOLDER}/{name}")
    status, out, err = handler("check", *PATIENT, "-c", f"{name}/{name}.conf")
    assert status == 0, (language, out, err)
    lines = [line.split() for line in out.splitlines()]
    assert [line[1] for line in lines[:-1]] == CHECKS and {line[0] for line in lines[:-1]} == {"ok"}, out
    assert out.endswith("12 checks: 12 ok, 0 failed, 0 not tried\n"), out

status, out, err = handler("bench", "--duration", "200ms", "--handler-processes", "2", "upper-python/upper-python")
assert status == 0 and "processes 2, payload of 256 bytes" in out and " 0 of them errors" in out, (status, out, err)
status, out, err = handler("bench", "--duration", "50ms", "--payload", "é", "--handler", "exec-once", "tr", "a-z", "A-Z")
assert status == 0 and "payload of 2 bytes" in out, (status, out, err)

for program in "false", "/bin/false":
    status, out, err = handler("bench", program)
    assert status == 1 and "not ready: ended with status 1" in err, (status, out, err)
    status, out, err = handler("bench", "--duration", "50ms", "--handler", "exec-once", program)
    assert status == 1 and "no job was done: each was answered by an error" in err and "errors" in out, (status, out, err)
status, out, err = handler("check", *PATIENT, "--handler", "exec-once", "false")
assert status == 1 and "13 payloads answered, 13 of them by errors" in out and "FAIL answers  does a job: each of " in out, (status, out, err)
status, out, err = handler("check", *PATIENT, "jq", "--unbuffered", "-c", '{job, error: "no database"}') if shutil.which("jq") else (1, "says that it is not ready: no database", "")
assert status == 1 and "says that it is not ready: no database" in out, (status, out, err)

for name in "README", "packet.json", "json.py", "test.node", "x.conf", ".x", "-x":
    status, out, err = handler("new", "python", name)
    assert status == 2 and ("no name for a handler" in err or name == "-x") and not os.path.exists(f"{FOLDER}/{name}"), (name, status, out, err)

for argv, wanted in ((["new", "cobol", "x"], "cobol: no such language; there are:\n  python sh node perl c"), (["new", "sh", "a/b"], "no name for a handler"),
                     (["new"], "usage:"), ([], "usage:"), (["chek"], "chek: no such command"), (["check"], "PROGRAM, or -c FILE"),
                     (["check", "--job-timeout", "0", "cat"], "--job-timeout"), (["check", "no-such-program"], "no-such-program"),
                     (["check", "./nothing"], "ppool-handler: ./nothing: No such file or directory"),
                     (["check", "-c", "missing.conf"], "missing.conf"), (["check", "-c", "upper-sh/upper-sh.conf", "cat"], "names the handler already"),
                     (["check", "./upper.so", "x"], "a module has no arguments")):
    status, out, err = handler(*argv)
    assert status == 2 and wanted in err, (argv, status, out, err)
for argv in (["--help"], ["check", "--help"], ["bench", "--help-all"], ["new", "--help"]):
    status, out, err = handler(*argv)
    assert status == 0 and "usage: ppool-handler new LANGUAGE NAME" in out and not err, (argv, status, out, err)
status, out, _ = run("ppool-handler", "--version")
assert status == 0 and out.startswith("ppool-handler "), out
