"""What bash would offer: a program's options, the choices of an option, commands, the ids of a proxy's servers."""
import os
import subprocess
from lib.bench import PROGRAMS, Bench

SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "completions", "policypool.bash")


def offered(function, *words):
    """What is offered for the last of these words."""
    quoted = " ".join(f"'{w}'" for w in words)
    done = subprocess.run(["bash", "-c", f"source '{SCRIPT}'; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; {function} {words[0]};"
                           'printf "%s\\n" "${COMPREPLY[@]}"'], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, PATH=f"{PROGRAMS}:{os.environ['PATH']}"))
    assert done.returncode == 0 and not done.stderr, done
    return sorted(done.stdout.split())


with Bench() as b:
    proxy = b.proxy()
    b.server("alpha", "111", proxy)
    b.server("beta", "222", proxy)
    assert offered("_ppool_daemon", "ppool-proxy", "--queue-t") == ["--queue-timeout"]
    assert {"-port", "--listen", "--workers", "-c", "--config"} <= set(offered("_ppool_daemon", "ppool-proxy", ""))
    assert offered("_ppool_daemon", "ppool-server", "--log-level", "d") == ["debug"]
    assert offered("_ppool_daemon", "ppool-server", "--narrate", "") == ["auto", "no", "yes"]
    assert offered("_ppool_daemon", "ppool-server", "--workers", "") == []
    assert offered("_ppool_daemon", "ppool-client", "--config", "/etc/hostn") == ["/etc/hostname"]
    assert offered("_ppool_handler", "ppool-handler", "") == sorted(["new", "check", "bench", "--help", "--version"])
    assert offered("_ppool_handler", "ppool-handler", "new", "py") == ["python"]
    assert offered("_ppool_handler", "ppool-handler", "check", "--job-t") == ["--job-timeout"]
    assert offered("_ppool_handler", "ppool-handler", "check", "/etc/hostn") == ["/etc/hostname"]
    where = ["ppool-ctl", "-s", proxy.socket]
    assert offered("_ppool_ctl", *where, "sta") == ["status"]
    assert {"drain", "events", "--json"} <= set(offered("_ppool_ctl", *where, ""))
    assert offered("_ppool_ctl", *where, "drain", "") == ["alpha", "beta"]
    assert offered("_ppool_ctl", *where, "recycle", "1") == ["1"]
    assert offered("_ppool_ctl", *where, "stop", "") == ["now"]
    assert offered("_ppool_ctl", *where, "strikes", "") == ["clear"]
    assert {"--sort", "--wide", "--csv"} <= set(offered("_ppool_ctl", *where, "servers", "--"))
    assert offered("_ppool_ctl", *where, "server", "al") == ["alpha"]
    assert offered("_ppool_ctl", *where, "servers", "--sort", "serv") == ["served"]
    assert offered("_ppool_ctl", *where, "servers", "-o", "id,p5") == ["id,p50_us"]
    assert offered("_ppool_ctl", *where, "servers", "--policy", "") == ["111", "222"]
    assert offered("_ppool_ctl", *where, "servers", "--color", "al") == ["always"]
    here = ["ppool-ctl", "-r", b.runtime]
    assert offered("_ppool_ctl", *here, "-p", "") == [str(proxy.port)]
    assert offered("_ppool_ctl", *here, "-i", "") == ["alpha", "beta"]
    assert offered("_ppool_ctl", *here, "stop", "-o", "i") == ["id", "in_flight"], "and nothing is stopped"
    assert proxy.process.poll() is None
    assert "root" in offered("_ppool_daemon", "ppool-proxy", "--user", "ro")
    assert offered("_ppool_daemon", "ppool-server", "-id", "/etc/hostn") == [], "an id is no file"
    assert offered("_ppool_daemon", "ppool-server", "--log", "/etc/hostn") == ["/etc/hostname"]
    assert offered("_ppool_daemon", "ppool-proxy", "--tls-key", "/etc/hostn") == ["/etc/hostname"]
