"""ppool-server --once: the packet on standard input is answered on standard output, by no pool; anything else than a reply
makes it fail, and says why.  Nothing is left behind, and the proxy that the settings name hears nothing."""
import json
import os
import subprocess
from lib import handlers
from lib.bench import FOLDER, PROGRAMS, Bench, run, sha1

PACKET = '{"type":"0","srcid":"7","privPoliId":"111","payload":"hello"}\n'


def once(*options, stdin=PACKET):
    return run("ppool-server", "--once", *options, stdin=stdin)


with Bench() as b:
    proxy = b.proxy()
    status, out, err = once("-pp", "111")
    assert status == 0 and err == "", (status, out, err)
    got = json.loads(out)
    assert got["type"] == "2" and got["srcid"] == "once" and got["destid"] == "7" and got["payload"] == sha1("hello"), got
    conf = os.path.join(FOLDER, "server.conf")
    with open(conf, "w") as f:
        f.write(f'id = 100 policy = 111 listen = 2105 revproc = {proxy.port} workers = 4 daemon = yes pidfile = {FOLDER}/pid\n')
    status, out, err = once("-c", conf)
    assert status == 0 and json.loads(out)["srcid"] == "100", (status, out, err)
    assert not os.path.exists(f"{FOLDER}/pid") and proxy.servers() == {} and "100" not in proxy.output
    status, out, err = once("-pp", "222")
    assert status == 1 and json.loads(out)["code"] == "unknown-policy", (status, out, err)
    for stdin, why in (("", "a packet is expected"), (PACKET[:20], "ends within"), (PACKET + PACKET, "more than one"), ("x", "no JSON object")):
        status, out, err = once("-pp", "111", stdin=stdin)
        assert status == 1 and out == "" and why in err, (stdin, status, out, err)
    handler = ["-pp", "111", "--handler", "exec", "--handler-command", f"/usr/bin/python3,{handlers.python(handlers.OBEY)}"]
    status, out, err = once(*handler)
    assert status == 0 and json.loads(out)["payload"] == "HELLO" and err == "", (status, out, err)
    for payload, why in (("error not today", "not today"), ("signal 11", "signal 11")):
        status, out, err = once(*handler, stdin=PACKET.replace("hello", payload))
        assert status == 1 and json.loads(out)["code"] == "handler-failed" and why in json.loads(out)["message"], (payload, status, out, err)
    status, out, err = once("-pp", "111", "--handler", "exec", "--handler-command", "/usr/bin/false")
    assert status == 1 and out == "" and "job process" in err, (status, out, err)
    for output, why in ((">/dev/full", "No space left"), (">&-", "Bad file descriptor")):
        done = subprocess.run(["sh", "-c", f'exec "$0" --once -pp 111 {output}', f"{PROGRAMS}/ppool-server"], input=PACKET, text=True, stderr=subprocess.PIPE)
        assert done.returncode == 1 and f"standard output: {why}" in done.stderr, (output, done)
    status, out, err = once()
    assert status == 2 and "-pp POLICY is needed" in err, (status, err)
