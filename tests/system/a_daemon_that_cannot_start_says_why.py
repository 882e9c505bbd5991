import os
import socket
from lib.bench import Bench, run

with Bench() as b:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    for detach in ([], ["-d"]):
        common = ["--runtime-dir", b.runtime, *detach]
        for program, *argv in (["ppool-proxy", "-port", port], ["ppool-server", "-id", "1", "-pp", "1", "-listen", port]):
            status, out, err = run(program, *argv, *common)
            assert status == 1 and f"127.0.0.1:{port}" in err and "Address already in use" in err, (status, out, err)
        status, out, err = run("ppool-proxy", "-port", "0", *common, "--log", "/no/such/folder/log")
        assert status == 2 and "/no/such/folder/log" in err and "No such file" in err, err
        status, out, err = run("ppool-proxy", "-c", "/no/such.conf", *common)
        assert status == 2 and err == "ppool-proxy: /no/such.conf: No such file or directory\n", (status, err)
        status, out, err = run("ppool-proxy", "-port", "0", *common, "--control", "/no/such/folder/sock")
        assert status == 1 and "/no/such/folder/sock" in err and "No such file" in err, err
        status, out, err = run("ppool-proxy", "-port", "0", *common, "--pidfile", "/no/such/folder/pid")
        assert status == 1 and "/no/such/folder/pid" in err and "No such file" in err, err
        status, out, err = run("ppool-proxy", "-port", "no.such.host.invalid:2100", *common)
        assert status == 2 and "no.such.host.invalid" in err, (status, err)
