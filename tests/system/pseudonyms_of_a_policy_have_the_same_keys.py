"""A payload has one pseudonym in a policy: a server with another secret or another domain under a key's name is denied with both servers
named, also by a successor and after a restart; one that changes its secret leaves at once; a rotation one server after another is
denied at no step."""
import hashlib
import hmac
import json
import os
import socket
from lib.bench import FOLDER, Bench, ctl_run, reload, wait_until
from lib.job_options import answer, options

SECRET = {"2025": bytes(range(32)), "2026": bytes(range(100, 140)), "mine": bytes(64)}


def pseudonym(name, payload, secret=None):
    prk = hmac.digest(bytes(32), secret or SECRET[name], "sha256")
    key = hmac.digest(prk, b"policypool pseudonym 1shop\x01", "sha256")
    return name + ":" + hmac.new(key, payload.encode(), hashlib.sha256).hexdigest()


def ring(b, server, keys):
    """keys: "NAME STATE" or "NAME STATE SECRET-OF"."""
    path = b.file(f"ring-{server}", "")
    os.chmod(path, 0o600)
    with open(path, "w") as f:
        for name, state, *of in map(str.split, keys):
            f.write(f"key {name}\n\tsecret {state} {SECRET[of[0] if of else name].hex()}\n")
    return path


def start(b, proxy, id, *keys, domain="shop", wait=True):
    return b.server(id, "111", proxy, workers=1, wait=wait, options=options(
        job="hmac-sha256", pseudonym_keys=ring(b, id, keys), pseudonym_domain=domain, handler_processes=1, retry_max="300ms"))


def denied(b, proxy, why, *keys, **more):
    s = start(b, proxy, "9", *keys, wait=False, **more)
    proxy.wait_for(f"registration refused.*code=denied why=.{why}")
    wait_until(lambda: why in s.output, "the server says why it is not registered")
    s.stop()
    b.started.remove(s)
    assert "9" not in proxy.servers()


OTHER = "server 9's key 2025 is not that of server 1: their secret or pseudonym_domain differs"

with Bench() as b:
    kept_in = ["--state-file", os.path.join(FOLDER, "state"), "--narrate", "no"]
    proxy = b.proxy(options=kept_in)
    servers = {id: start(b, proxy, id, "2025 use") for id in ("1", "2")}
    for id in servers:
        proxy.wait_server(id)

    # A server that tells nothing of its keys is not judged by them.
    with socket.create_connection(("127.0.0.1", proxy.port)) as s:
        s.sendall(b'{"type":"1","id":"8","privPolyId":"111","listenport":"9","job":"hmac-sha256","ack":"1"}')
        assert json.loads(s.makefile().readline())["verb"] == "registered"
    assert ctl_run("-s", proxy.socket, "remove", "8")[0] == 0

    denied(b, proxy, OTHER, "2025 use 2026")
    denied(b, proxy, OTHER, "2025 use", domain="shops")
    denied(b, proxy, OTHER, "2025 install 2026", "2026 use")
    denied(b, proxy, "server 9 has no key in common with server 1: a new key is to be installed on all before one uses it", "mine use")
    kept = {id: s["job_keys"] for id, s in proxy.servers().items()}
    assert kept["1"] == kept["2"] and kept["1"].startswith("2025=") and len(kept["1"]) == 21, kept
    proxy.upgrade()
    assert {id: s["job_keys"] for id, s in proxy.servers().items()} == kept
    denied(b, proxy, OTHER, "2025 use 2026")

    # A rotation, one server after another.
    said = len(proxy.output)
    for step in (["2025 use", "2026 install"], ["2025 install", "2026 use"], ["2025 remove", "2026 use"]):
        for id, server in servers.items():
            ring(b, id, step)
            reload(server)
            wait_until(lambda: ("2025=" in proxy.servers()[id]["job_keys"]) == ("remove" not in step[0]) and
                       "2026=" in proxy.servers()[id]["job_keys"], "the proxy is told")
            answers = {answer(proxy, "x") for _ in range(4)}
            assert answers <= {pseudonym("2025", "x"), pseudonym("2026", "x")}, answers
    assert answers == {pseudonym("2026", "x")}, answers
    assert "refused" not in proxy.output[said:] and "taken out" not in proxy.output[said:], proxy.output[said:]
    for id in servers:
        assert proxy.servers()[id]["job_keys"].count("=") == 1, proxy.servers()[id]

    # Another secret under the same name: it leaves at once, and comes again with the right one.
    ring(b, "2", ["2026 use mine"])
    reload(servers["2"])
    proxy.wait_for("server taken out.* id=2 why=.server 2's key 2026 is not that of server 1")
    proxy.wait_server("2", present=False)
    assert {answer(proxy, "x") for _ in range(4)} == {pseudonym("2026", "x")}
    ring(b, "2", ["2026 use"])
    reload(servers["2"])
    proxy.wait_server("2")

    # The journal knows them too.
    kept = {id: s["job_keys"] for id, s in proxy.servers().items()}
    proxy.stop()
    b.started.remove(proxy)
    proxy = b.proxy(port=proxy.port, options=kept_in)
    assert {id: s["job_keys"] for id, s in proxy.servers().items()} == kept
