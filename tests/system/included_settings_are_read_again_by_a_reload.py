"""A folder that the settings include: files that come, change and go are in force after a reload; errors name file and line."""
import os
import signal
from lib.bench import FOLDER, Bench, correct, ask, ctl, run, wait_until

with Bench() as b:
    folder = os.path.join(FOLDER, "proxy.conf.d")
    os.mkdir(folder)
    path = b.file("proxy.conf", 'include "proxy.conf.d"\nretries = 1\n')
    assert run("ppool-proxy", "-c", path, "-t")[0] == 0, "an empty folder is fine"
    first = b.file("proxy.conf.d/10-first.conf", 'policy "111" { balance = random2 }\n')
    b.file("proxy.conf.d/readme", "this is not read")
    proxy = b.proxy(workers=1, options=["-c", path, "--narrate", "no"])
    b.server("1", "111", proxy)
    b.server("2", "222", proxy)

    def balances():
        return {p["policy"]: p["balance"] for p in ctl(proxy.socket, "policies")}

    assert balances() == {"111": "random2", "222": "roundrobin"}, balances()
    second = b.file("proxy.conf.d/20-second.conf", 'policy "222" { balance = leastconn }\n')
    os.remove(first)
    proxy.send_signal(signal.SIGHUP)
    wait_until(lambda: balances() == {"111": "roundrobin", "222": "leastconn"}, "the reload")
    b.file("proxy.conf.d/30-third.conf", '\npolicy "222" { balance = random }\n')
    proxy.send_signal(signal.SIGHUP)
    proxy.wait_for("not reloaded.*30-third.conf:2: policy .*20-second.conf:1")
    status, out, err = run("ppool-proxy", "-c", path, "-t")
    assert status == 2 and f'{folder}/30-third.conf:2: policy "222": given already in {second}:1' in err, err
    assert correct(ask(proxy)) and balances()["222"] == "leastconn"

    # The server reads its settings in the same way.
    loop = b.file("server.conf", 'include "server.conf"\nid = 9\n')
    status, out, err = run("ppool-server", "-c", loop, "-t")
    assert status == 2 and f"{loop}:1: include: {loop}: it would include itself" in err, err
