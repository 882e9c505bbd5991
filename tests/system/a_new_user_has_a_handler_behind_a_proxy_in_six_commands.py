"""The first examples of policypool-handler(7) and ppool-handler(1), command by command as they stand there: from an empty folder to an
answer through a proxy."""
import os
import re
import shlex
import subprocess
from lib.bench import FOLDER, PATIENCE, PROGRAMS, ctl, ctl_run, free_port, wait_until
from lib.needs import need_command

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def commands(page, section):
    with open(f"{ROOT}/man/{page}") as f:
        text = re.search(rf"^\.Sh {section}\n.*?^\.Bd[^\n]*\n(.*?)^\.Ed", f.read(), re.M | re.S)[1]
    return [line.removeprefix("$ ") for line in text.strip().splitlines()]


def try_out(page, section, name):
    """Only the ports and where the control sockets lie are others than for somebody who is alone on a machine."""
    lines = commands(page, section)
    assert 0 < len(lines) <= 6, lines
    folder = os.path.join(FOLDER, page)
    runtime, proxy, server = f"{folder}.run", free_port(), free_port()
    for path in (folder, runtime):
        os.mkdir(path, 0o755)
    printed = ""
    try:
        for line in lines:
            words = [w.replace("2100", str(proxy)) for w in shlex.split(line)]
            if words[0] == "cd":
                folder = os.path.join(folder, words[1])
                continue
            if words[0] in ("ppool-proxy", "ppool-server"):
                words += ["--runtime-dir", runtime]
            if words[0] == "ppool-server":
                words += ["-listen", str(server), "-revproc", str(proxy)]
            if words[0] == "ppool-client":  # typed by somebody, it comes later than here
                wait_until(lambda: ctl(f"{runtime}/ppool-proxy-{proxy}.sock", "servers"), "the server has joined")
            done = subprocess.run(words, cwd=folder, env=dict(os.environ, PATH=f"{PROGRAMS}:{os.environ['PATH']}"), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120 * PATIENCE)
            assert done.returncode == 0, (line, done.stdout)
            printed += done.stdout
        assert "12 checks: 12 ok" in printed and f"received reply from server {name}-1: HELLO" in printed, printed
        assert [s["job"] for s in ctl(f"{runtime}/ppool-proxy-{proxy}.sock", "servers")] == [name]
    finally:
        for socket in [s for s in os.listdir(runtime) if s.endswith(".sock")]:
            ctl_run("-s", f"{runtime}/{socket}", "stop")
        wait_until(lambda: not [s for s in os.listdir(runtime) if s.endswith(".sock")], "the daemons end")


need_command("python3")
try_out("policypool-handler.7", "FIVE MINUTES", "shout")
try_out("ppool-handler.1", "EXAMPLES", "upper")
