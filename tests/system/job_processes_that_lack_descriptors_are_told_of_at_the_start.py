"""The master has a descriptor for each job process, and in a reload those of two generations: where the limit of open files allows
for one generation alone, -t and the start say so and a reload is refused at once; where not even for that, the start is."""
# Not under valgrind: it needs descriptors of its own.
import re
import subprocess
from lib import bench
from lib.bench import PROGRAMS, Bench, ask, ctl_run

OPTIONS = ["--handler", "exec", "--handler-command", "cat", "--workers", "4", "--worker-connections", "8", "--narrate", "no", "--handler-processes"]
SAID = r"the master needs (\d+) descriptors in a reload: the limit of open files is {}"


def checked(limit, processes):
    done = subprocess.run(["prlimit", f"--nofile={limit}:{limit}", f"{PROGRAMS}/ppool-server", "-id", "1", "-pp", "1", "-listen", "0", "-t",
                           *OPTIONS, str(processes)], capture_output=True, text=True)
    said = re.search("handler_processes: " + SAID.format(limit), done.stderr)
    return done.returncode, int(said[1]) if said else None


assert checked(100, 16) == (0, 168)
assert checked(168, 16) == (0, None)
assert checked(99, 16) == (2, 168)
assert checked(100, 4) == (0, None)

with Bench() as b:
    bench.WRAP[:] = ["prlimit", "--nofile=80:80"]
    server = b.server("1", "111", None, workers=4, options=[*OPTIONS, "8"])
    bench.WRAP.clear()
    server.wait_for("level=warn.*handler_processes.*" + SAID.format(80))
    status, out, err = ctl_run("-s", server.socket, "reload")
    assert status == 1 and re.search("handler_processes: " + SAID.format(80), err), (status, out, err)
    assert "cannot start a job process" not in server.output, server.output
    assert ask(server)["payload"] == "hello"
