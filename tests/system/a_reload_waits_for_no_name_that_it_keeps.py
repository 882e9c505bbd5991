"""While the name server doesn't answer, a reload keeps the addresses that the names of `listen` and `admin` had before: it is done at
once, and the control socket answers meanwhile.  A name that is new is asked for; an upgrade asks for all of them anew."""
import time
from lib import names
from lib.bench import PROGRAMS, SLOW, Bench, Daemon, ctl, ctl_run

names.need()


def start(program, *argv):
    d = b.keep(Daemon([*known.within(deaf=True), f"{PROGRAMS}/{program}", "-c", f"{b.runtime}/{program}.conf", *argv, "--runtime-dir", b.runtime,
                       "--control", f"{b.runtime}/{program}.sock", "--workers", "1", "--narrate", "no", "--upgrade-timeout", "60s"]))
    d.wait_for(r'msg="serving" .*listen=127\.0\.0\.1:')
    d.socket = f"{b.runtime}/{program}.sock"
    return d


def write(program, name, admin):
    with open(f"{b.runtime}/{program}.conf", "w") as f:
        f.write(f'listen = "{name}:0"\nadmin = "{admin}:0"\n')


with Bench() as b:
    known = names.Names(b.runtime)
    known.server("options timeout:30 attempts:1\n")  # after which a reload that waits for it has failed
    known.hosts("127.0.0.1 slow.test", "127.0.0.1 pages.test")
    programs = ("ppool-proxy", "ppool-server")
    for program in programs:
        write(program, "slow.test", "pages.test")
    daemons = [start("ppool-proxy"), start("ppool-server", "-id", "1", "-pp", "111")]
    known.hosts()
    for d in daemons:
        begin = time.monotonic()
        status, out, err = ctl_run("-s", d.socket, "reload")
        assert status == 0, (out, err)
        assert ctl(d.socket, "status")["generation"] == 2
        assert time.monotonic() - begin < 10 * SLOW, "it waited for a name"

    known.hosts("127.0.0.9 slow.test", "127.0.0.8 new.test", "127.0.0.1 pages.test")
    for d, program in zip(daemons, programs):
        assert ctl_run("-s", d.socket, "reload")[0] == 0
        assert "127.0.0.9" not in d.output, d.output
        write(program, "new.test", "pages.test")
        assert ctl_run("-s", d.socket, "reload")[0] == 0
        d.wait_for(r"listen=127\.0\.0\.8:")
        write(program, "slow.test", "pages.test")
        d.upgrade()
        d.wait_for(r'msg="serving" .*listen=127\.0\.0\.9:')
