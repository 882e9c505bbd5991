"""As the first process of a pid namespace, which the kernel ends with all in it, the proxy is upgraded twice, reaps what is orphaned, and stops
as a whole when it is told to."""
import os
import signal
import subprocess
from lib.bench import FOLDER, PROGRAMS, Bench, ask, correct, ctl, free_port, wait_until
from lib.needs import need_command, need_root, skip

need_root()
need_command("unshare", "nsenter", "pgrep")
if subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True).returncode != 0:
    skip("no pid namespaces")

with Bench() as b:
    port = free_port()
    socket = f"{b.runtime}/ppool-proxy-{port}.sock"
    argv = [f"{PROGRAMS}/ppool-proxy", "-port", str(port), "--runtime-dir", b.runtime, "--workers", "2", "--state-file", "none"]
    # It ends with its child's status; where it is killed, so is that.
    outside = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *argv], cwd=FOLDER)
    try:
        wait_until(lambda: os.path.exists(socket) and ctl(socket, "status")["state"] == "running", "the proxy")
        assert ctl(socket, "status")["pid"] == 1
        server = b.server("1", "111", port)
        wait_until(lambda: any(s["id"] == "1" for s in ctl(socket, "servers")), "the server")
        first = int(subprocess.run(["pgrep", "-P", str(outside.pid)], capture_output=True, text=True).stdout)
        former = 1
        for number in (signal.SIGUSR2, signal.SIGUSR2):
            os.kill(first, number)
            wait_until(lambda: ctl(socket, "status")["pid"] != former, "a successor")
            former = ctl(socket, "status")["pid"]
            assert outside.poll() is None and correct(ask(port))
        # An orphan of the namespace is its first process's to reap.
        inside = ["nsenter", "-t", str(first), "-p", "-m"]
        subprocess.run([*inside, "sh", "-c", "sh -c 'sleep 0.1 & exec true'"], check=True)
        wait_until(lambda: " Z" not in subprocess.run([*inside, "ps", "-eo", "pid,stat"], capture_output=True, text=True).stdout, "no zombie")
        os.kill(first, signal.SIGTERM)
        assert outside.wait(20) == 0
        assert not os.path.exists(socket)
    finally:
        outside.kill()
        outside.wait()
