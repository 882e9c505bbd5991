import os
from lib.bench import Bench, run

here = os.path.dirname(os.path.abspath(__file__))
with Bench() as b:
    for program, name in (("ppool-proxy", "proxy"), ("ppool-server", "server")):
        for kind in ("", "-full"):
            path = os.path.join(here, "..", "..", "etc", f"{name}{kind}.conf")
            status, out, err = run(program, "-c", path, "-t")
            assert status == 0, (path, err)
