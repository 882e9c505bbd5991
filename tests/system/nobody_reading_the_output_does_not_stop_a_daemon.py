"""Its standard output and error are a pipe that is full; requests go on."""
import os
import subprocess
from lib.bench import PROGRAMS, Bench, ask, client_json, correct, ctl, free_port, wait_until

with Bench() as b:
    port = free_port()
    read, write = os.pipe()
    proxy = subprocess.Popen([f"{PROGRAMS}/ppool-proxy", "-port", str(port), "--runtime-dir", b.runtime, "--workers", "2"],
                             stdout=write, stderr=write)
    os.close(write)
    try:
        socket = f"{b.runtime}/ppool-proxy-{port}.sock"
        wait_until(lambda: os.path.exists(socket) and ctl(socket, "status")["state"] == "running", "the proxy")
        b.server("1", "111", port)
        wait_until(lambda: ctl(socket, "servers"), "the registration")
        status, got = client_json(port, "--policy", "111", "--count", 5000, "--parallel", 4, "--size", 20)
        assert status == 0 and got["correct"] == 5000, got
    finally:
        proxy.terminate()
        assert proxy.wait(20) == 0
        os.close(read)
