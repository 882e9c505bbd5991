"""What is wrong with a handler is told at the start, by key, file and line where it stands in the settings, or in its own words where it
shows when it is run; the server ends, and at once."""
import os
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
    # When it is run.
    never = script(b, "never", "#!/bin/sh\nexec sleep 1000\n")
    dies = script(b, "dies", "#!/bin/sh\necho no database >&2\nexit 3\n")
    lost = script(b, "lost", "#!/nonexistent/interpreter\n")
    reader = script(b, "reader", "#!/bin/sh\nwhile read -r line; do echo '{\"job\":0,\"payload\":\"\"}'; done\n")
    for program, more, said in (
            (dies, "", ("the handler ends while it starts", "no database", "code 3")),
            (never, "handler_start_timeout = 200ms\n", ("the handler is not ready in time", "handler_start_timeout_ms=200")),
            (lost, "", ("the handler cannot be started", f"cannot execute {lost}: No such file or directory")),
            (reader, "handler_max_memory = 64K\n", ("handler_max_memory is less than a job process starts with", "handler_max_memory=65536"))):
        conf = b.file("conf", f'{CONF}runtime_dir = "{b.runtime}"\n{EXEC}"{program}"\n{more}')
        status, out, err = run("ppool-server", "-c", conf)
        assert status == 1, (program, status, out, err)
        for words in said:
            assert words in err, (program, words, err)
        assert "giving up" in err, err
