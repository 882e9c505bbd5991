"""Each setting of a handler that is wrong refuses a reload by key, file and line, and the daemon serves on as it did."""
from lib import handlers
from lib.bench import Bench, ctl, ctl_run, run
from lib.job_options import answer

WRONG = {
    "job": ("x" * 65, "is longer than 64 bytes"),
    "handler": ("magic", "is none of"),
    "handler_command": ('{"python3", "/nonexistent/x.py"}', "/nonexistent/x.py: not found"),
    "handler_module": ("/nonexistent.so", "it is for handler = module, not for exec"),
    "handler_processes": ("0", "is not within 1 to 64"),
    "job_timeout": ("1ms", "is not within 10ms to 1h"),
    "handler_start_timeout": ("2h", "is not within 100ms to 1h"),
    "handler_signal": ("STOP", "is none of"),
    "handler_grace": ("soon", "is not a duration"),
    "handler_max_jobs": ("-1", "is not a"),
    "handler_max_memory": ("much", "is not a size"),
    "handler_max_processes": ("5", "it bounds what handler_user has, which is not given"),
    "handler_max_reply": ("2M", "it is more than max_message, 1048576 bytes"),
    "handler_queue": ("1000001", "is not within 0 to 1000000"),
    "handler_strikes": ("1001", "is not within 0 to 1000"),
    "handler_strike_time": ("0", "is not within 1s to 7d"),
    "handler_user": ("no-such-user", "no-such-user: no such user"),
    "handler_directory": ("/nonexistent", "/nonexistent: No such file or directory"),
    "handler_env": ('{"A=b", "NAME"}', "NAME"),
    "handler_setting": ('{"a=b", "key"}', "key"),
    "handler_network": ("maybe", "yes or no"),
    "handler_seccomp": ("maybe", "yes or no"),
    "handler_repeatable": ("maybe", "is none of"),
    "pseudonym_keys": ("/nonexistent", "it is for handler = pseudonym, not for exec"),
    "pseudonym_domain": ("shop", "it is for handler = pseudonym, not for exec"),
}


def settings(b, key=None, value=None):
    """A file that is right but for that key; the line that it stands in."""
    lines = {"handler": "exec", "handler_command": f'{{"python3", "{handlers.python(handlers.UPPER)}"}}', "job": "upper", "handler_processes": "1"}
    if key is not None:
        lines[key] = value
    b.file("s.conf", "".join(f"{k} = {v}\n" for k, v in lines.items()))
    return list(lines).index(key) + 1 if key is not None else 0


with Bench() as b:
    status, shown, err = run("ppool-server", "-T")
    keys = {line.split(" = ")[0].lstrip("#") for line in shown.splitlines() if " = " in line}
    keys = {k for k in keys if k.startswith(("handler", "job", "pseudonym_"))}
    assert keys == set(WRONG), keys ^ set(WRONG)

    settings(b)
    proxy = b.proxy()
    server = b.server("1", "111", proxy, workers=1, options=["-c", "s.conf", "--narrate", "no"])
    before = {p["pid"] for p in handlers.processes(server)}
    for key, (value, why) in WRONG.items():
        line = settings(b, key, value)
        place = f"s.conf:{line}: {key}: "
        status, out, err = ctl_run("-s", server.socket, "reload")
        assert status == 1 and place in err and why in err.split(place, 1)[1], (key, status, err)
        assert place in ctl(server.socket, "status")["reload_error"]
        assert answer(proxy, "x" + key) == ("x" + key).upper()
    assert {p["pid"] for p in handlers.processes(server)} == before, "no job process was started anew"
    assert ctl(server.socket, "status")["generation"] == 1
    settings(b)
    assert ctl_run("-s", server.socket, "reload")[0] == 0
    assert answer(proxy, "new") == "NEW"
