"""As their manuals say to run a program: they have it after upgrades too, start it again when it is killed, and stop it."""
import shutil
from lib.bench import PROGRAMS, Bench, ask, correct, free_port, wait_until
from lib.needs import skip
from lib.supervised import S6, Supervisord, try_with

found = [s for s, program in ((S6, "s6-supervise"), (Supervisord, "supervisord")) if shutil.which(program)]
if not found:
    skip("neither s6 nor supervisor is installed")

for supervisor in found:
    with Bench() as b:
        port = free_port()
        server = b.server("1", "111", port)
        argv = [f"{PROGRAMS}/ppool-proxy", "-port", str(port), "--runtime-dir", b.runtime, "--workers", "2", "--narrate", "no"]

        def serves():
            def look():
                try:
                    return correct(ask(port))
                except (ConnectionError, AssertionError):
                    return False
            wait_until(look, "an answer", 40)
        try_with(supervisor, argv, f"{b.runtime}/ppool-proxy-{port}.sock", serves)
