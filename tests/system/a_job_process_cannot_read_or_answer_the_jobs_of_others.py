"""Job processes have one user, with or without root: one that tries to open the pipes of others, or read their environment, cannot,
where the kernel has Landlock (Linux 5.19); where not, the log says so."""
import ctypes
from lib import handlers
from lib.bench import Bench, ask

BODY = """
others, opened = 0, 0
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open(f"/proc/{pid}/cmdline") as f:
            if int(pid) == os.getpid() or sys.argv[0] not in f.read():
                continue
    except OSError:
        continue
    others += 1
    for name, how in ("fd/0", os.O_RDONLY | os.O_NONBLOCK), ("fd/1", os.O_WRONLY | os.O_NONBLOCK), ("environ", os.O_RDONLY):
        try:
            os.close(os.open(f"/proc/{pid}/{name}", how))
            opened += 1
        except PermissionError:
            pass
answer(job, payload=f"{others} {opened}")
"""
VERSION = ctypes.CDLL(None).syscall(444, None, 0, 1)  # landlock_create_ruleset

with Bench() as b:
    proxy = b.proxy()
    server = handlers.server(b, BODY, proxy, processes=3, options=["--narrate", "no"])
    others, opened = map(int, ask(proxy)["payload"].split())
    assert others == 2, others
    if VERSION >= 2:
        assert opened == 0, opened
        assert "Landlock" not in server.output, server.output
    else:
        server.wait_for("level=warn.*Landlock")
