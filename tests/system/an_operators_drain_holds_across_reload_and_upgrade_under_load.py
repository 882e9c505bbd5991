"""A server is drained under load; the proxy is reloaded by HUP and upgraded by USR2 while the load goes on.  It stays drained, gets
not one request, and nothing is lost; enabled at last, it serves again."""
import json
import signal
import subprocess
from lib.bench import PROGRAMS, SLOW, Bench, ask, correct, ctl, wait_until

COUNT = 200000

with Bench() as b:
    quiet = ["--narrate", "no", "--stop-timeout", "2s"]
    proxy = b.proxy(options=quiet)
    drained, other = (b.server(id, "111", proxy, options=quiet) for id in ("1", "2"))
    load = subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", "111", "--json", "--vary", "--size", "50",
                             "--parallel", "16", "--count", str(COUNT)], stdout=subprocess.PIPE, text=True)
    requests = lambda server: ctl(server.socket, "status")["requests"]
    wait_until(lambda: requests(drained) > 0, "requests at server 1")
    ctl(proxy.socket, "drain", "1")
    ctl(proxy.socket, "wait", "1", "20")
    quiet_since = requests(drained)

    def still_drained():
        assert proxy.servers()["1"]["state"] == "draining", proxy.servers()
        before = requests(other)
        wait_until(lambda: requests(other) > before or load.poll() is not None, "requests at server 2")
        assert load.poll() is None, "the load was over before anything was shown"
        assert requests(drained) == quiet_since, "a request went to a drained server"

    for _ in range(2):
        generation = ctl(proxy.socket, "status")["generation"]
        proxy.send_signal(signal.SIGHUP)
        wait_until(lambda: ctl(proxy.socket, "status")["generation"] > generation, "the next generation")
        still_drained()
        former = proxy.pid
        proxy.send_signal(signal.SIGUSR2)
        proxy.upgraded(former)
        still_drained()
    ctl(proxy.socket, "enable", "1")
    # The load may be over by now.
    wait_until(lambda: correct(ask(proxy)) and requests(drained) > quiet_since, "it serves again")
    out, _ = load.communicate(timeout=110 * SLOW)
    got = json.loads(out)
    assert load.returncode == 0 and got["correct"] == got["sent"] == COUNT and got["stray"] == 0, got
