"""Where the limit of open files does not allow for worker_connections they are lowered, which -t, the log and a reload say: as
many idle clients as are taken leave the descriptors that connections to servers need."""
# Not under valgrind: it needs descriptors of its own.
import socket
import subprocess
from lib import bench, plain
from lib.bench import PROGRAMS, Bench, Peer, allow_files, correct, ctl, ctl_run, request, wait_until

LIMIT, IDLE = 256, 300
LOWERED = rf"worker_connections.*\n?.*16384.*limit of open files is {LIMIT}"


def checked(limit, program, *options):
    return subprocess.run(["prlimit", f"--nofile={limit}:{limit}", f"{PROGRAMS}/{program}", *options, "-t"],
                          capture_output=True, text=True)


with Bench() as b:
    allow_files(IDLE + 100)
    bench.WRAP[:] = ["prlimit", f"--nofile={LIMIT}:{LIMIT}"]
    proxy = b.proxy(workers=1, options=["--narrate", "no", "--queue-timeout", "2s"])
    own = b.server("1", "111", proxy, workers=1)
    bench.WRAP.clear()
    proxy.wait_for(LOWERED)
    own.wait_for(LOWERED)
    server = plain.Server(proxy.port, id="2", policy="222")
    proxy.wait_server("2")
    with Peer(proxy) as inside:
        idle = [socket.create_connection(("127.0.0.1", proxy.port)) for _ in range(IDLE)]
        taken = wait_until(lambda: (n := ctl(proxy.socket, "status")["connections"]) > 100 and n, "many are taken")
        assert taken < LIMIT
        for i in range(20):  # a connection each
            got = inside.ask(request(str(i), policy="222"))
            assert correct(got, str(i)), got
    for s in idle:
        s.close()
    assert "accepting pauses" not in proxy.output and "Too many open files" not in proxy.output, proxy.output
    status, out, err = ctl_run("-s", proxy.socket, "reload")
    assert status == 0 and "worker_connections" in out + err, (out, err)
    server.stop()

for program, options in (("ppool-proxy", ["-port", "0"]), ("ppool-server", ["-id", "1", "-pp", "1", "-listen", "0"])):
    few = checked(LIMIT, program, *options)
    assert few.returncode == 0 and "16384" in few.stderr and f"limit of open files is {LIMIT}" in few.stderr, few
    none = checked(24, program, *options)
    assert none.returncode == 2 and "limit of open files is 24" in none.stderr, none
    enough = checked(LIMIT, program, *options, "--worker-connections", "64", "--workers", "1")
    assert enough.returncode == 0 and "limit of open files" not in enough.stderr, enough
