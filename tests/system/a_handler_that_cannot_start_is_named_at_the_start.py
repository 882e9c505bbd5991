"""What is wrong with a handler is told at the start, by key, file and line where it stands in the settings, or in its own words where it
shows when it is run; the server ends, and at once."""
import os
import subprocess
from lib.bench import PROGRAMS, Bench, run

CONF = "id = 1\npolicy = 1\nlisten = 0\nworkers = 1\nnarrate = no\n"
EXEC = "handler = exec\njob = x\nhandler_command = "


def script(b, name, text, mode=0o755):
    path = b.file(name, text)
    os.chmod(path, mode)
    return path


with Bench() as b:
    plain = script(b, "plain", "#!/bin/sh\n", 0o644)
    fine = script(b, "fine", "#!/bin/sh\nexit 0\n")
    # In the settings: line 6 is the first of the handler's.
    for text, said in (
            (EXEC + '"/nonexistent/x"\n', "conf:8: handler_command: /nonexistent/x: No such file or directory"),
            (EXEC + f'"{plain}"\n', f"conf:8: handler_command: {plain}: it is not executable"),
            (EXEC + '{"python3", "-u", "/nonexistent/x.py"}\n', "conf:8: handler_command: /nonexistent/x.py: not found"),
            (EXEC + '"/usr"\n', "conf:8: handler_command: /usr: it is no file"),
            (EXEC + "no-such-program\n", "conf:8: handler_command: no-such-program: not found in PATH=/usr/bin:/bin"),
            ("handler = exec\n", "conf:6: handler: handler = exec needs the program"),
            ("handler = module\nhandler_module = /nonexistent.so\n", "conf:7: handler_module: /nonexistent.so: No such file or directory"),
            ("job = redact\n", "conf:6: job: redact: no such job without a handler"),
            ("job = sha256\nhandler_processes = 3\n", "conf:7: handler_processes: there is no handler"),
            ("job_timeout = 0\n", "conf:6: job_timeout: "),
            (EXEC + f'"{fine}"\nhandler_max_reply = 2M\n', "conf:9: handler_max_reply: it is more than max_message"),
            (EXEC + f'"{fine}"\nhandler_user = no-such-user\n', "handler_user: no-such-user: no such user"),
            (EXEC + f'"{fine}"\nhandler_directory = /nonexistent\n', "conf:9: handler_directory: /nonexistent: No such file or directory"),
            ("job = hmac-sha256\n", "pseudonym_keys")):
        status, out, err = run("ppool-server", "-c", b.file("conf", CONF + text), "-t")
        assert status == 2 and said in err, (text, said, status, out, err)
    # Where the interpreter might take the word for something else, it is a warning.
    status, out, err = run("ppool-server", "-c", b.file("conf", CONF + EXEC + '{"python3", "-B", "/nonexistent/x.py"}\n'), "-t")
    assert status == 0 and "conf:8: handler_command: if this is the script, /nonexistent/x.py: not found" in err, (status, out, err)
    # When it is run.
    never = script(b, "never", "#!/bin/sh\nexec sleep 1000\n")
    dies = script(b, "dies", "#!/bin/sh\necho no database >&2\nexit 3\n")
    lost = script(b, "lost", "#!/nonexistent/interpreter\n")
    talks = script(b, "talks", "#!/bin/sh\necho hello\nread -r line\nread -r line\n")
    wrong = script(b, "wrong", "#!/usr/bin/env python3\nfor line in sys.stdin print(line)\n")
    hidden = script(b, "hidden", "#!/bin/sh\n")
    closed = f"{os.path.dirname(hidden)}/closed"
    os.mkdir(closed, 0o700)
    os.rename(hidden, f"{closed}/hidden")
    reader = script(b, "reader", "#!/bin/sh\nwhile read -r line; do echo '{\"job\":0,\"payload\":\"\"}'; done\n")
    for program, more, said in (
            (dies, "", ("the handler ended with status 3 while it started: no database", "code 3")),
            (talks, "", ("the handler is not ready: not JSON: it wrote hello", "cause=protocol")),
            (wrong, "", ("the handler ended with status 1 while it started: SyntaxError: invalid syntax; ppool-handler check shows all",)),
            (never, "handler_start_timeout = 200ms\n", ("the handler is not ready in time", "handler_start_timeout_ms=200")),
            (lost, "", (f"the handler cannot be started: cannot execute {lost}: No such file or directory")),
            (reader, "handler_max_memory = 64K\n", ("handler_max_memory is less than a job process starts with", "handler_max_memory=65536"))):
        conf = b.file("conf", f'{CONF}runtime_dir = "{b.runtime}"\n{EXEC}"{program}"\n{more}')
        status, out, err = run("ppool-server", "-c", conf)
        assert status == 1, (program, status, out, err)
        for words in said:
            assert words in err, (program, words, err)
        assert "giving up" in err, err
    # Who runs one job at the terminal sees all that the handler says.
    for program, said in ((wrong, ("for line in sys.stdin print(line)", "SyntaxError")), (lost, (f"cannot execute {lost}",))):
        done = subprocess.run([f"{PROGRAMS}/ppool-server", "-pp", "1", "--handler", "exec", "--handler-command", program, "--once"],
                              input='{"type":"0","srcid":"1","privPoliId":"1","payload":"x"}', capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and all(words in done.stderr for words in said), (program, done.stderr)
    if os.geteuid() == 0:
        hidden = f"{closed}/hidden"
        said = f"{hidden}: job processes run as user nobody, which may not enter {closed}: move it, chmod o+x {closed}, or set handler_user\n"
        status, out, err = run("ppool-handler", "check", hidden)
        assert status == 2 and err == f"ppool-handler: handler_command: {said}", (status, out, err)
        script(b, "private.py", "", 0o600)
        for path, why in ((f"{closed}/x.py", f"job processes run as user nobody, which may not enter {closed}: move it"),
                          (f"{os.path.dirname(closed)}/private.py", "job processes run as user nobody, which may not read it: chmod o+r it, or")):
            status, out, err = run("ppool-server", "-c", b.file("conf", f'{CONF}{EXEC}{{"python3", "{path}"}}\n'), "-t")
            assert status == 2 and f"conf:8: handler_command: {path}: {why}" in err, (status, out, err)
        own = script(b, "own", "#!/bin/sh\n", 0o700)
        status, out, err = run("ppool-server", "-c", b.file("conf", f'{CONF}{EXEC}"{own}"\n'), "-t")
        assert status == 2 and f"conf:8: handler_command: {own}: job processes run as user nobody, which may not execute it: chmod o+x it, or" in err, (status, err)
        for more in ([], ["-t"]):
            status, out, err = run("ppool-server", "-c", b.file("conf", f'{CONF}runtime_dir = "{b.runtime}"\n{EXEC}"{hidden}"\n'), *more)
            assert status == 2 and f"conf:9: handler_command: {said}" in err, (status, out, err)
