"""hmac-sha256: pseudonyms as anybody with the secret computes them, by domain; a key in use, one asked for by name, one removed, by
reloads under load; keyrings with faults are refused by file and line, and the job process may read, write and exit only."""
import hashlib
import hmac
import os
import threading
from lib.bench import Bench, SLOW, WRAP, client_json, ctl, ctl_run, reload, run
from lib.job_options import answer, options

SECRET = {"2025": bytes(range(32)), "2026": bytes(range(100, 140)), "2027": bytes(64)}


def pseudonym(name, payload, domain=""):
    prk = hmac.digest(bytes(32), SECRET[name], "sha256")
    key = hmac.digest(prk, b"policypool pseudonym 1" + domain.encode() + b"\x01", "sha256")
    return name + ":" + hmac.new(key, payload.encode(), hashlib.sha256).hexdigest()


def ring(b, mode=0o600, **states):
    path = b.file("ring", "".join(f"key {name[1:]}\n\tsecret {state} {SECRET[name[1:]].hex()}\n" for name, state in states.items()))
    os.chmod(path, mode)
    return path


with Bench() as b:
    keys = ring(b, _2025="use")
    proxy = b.proxy()
    a = b.server("1", "111", proxy, options=options(job="hmac-sha256", pseudonym_keys=keys, pseudonym_domain="shop"))
    other = b.server("2", "222", proxy, options=options(handler="pseudonym", pseudonym_keys=keys))
    assert proxy.servers()["1"]["job"] == "hmac-sha256"
    phone = "+41 79 123 45 67 \u00e9\0"
    assert answer(proxy, phone) == pseudonym("2025", phone, "shop")
    assert answer(proxy, phone, "222") == pseudonym("2025", phone) != pseudonym("2025", phone, "shop")
    assert answer(proxy, "") == pseudonym("2025", "", "shop")
    assert answer(proxy, "x", key="2026") == "handler-failed: handler: the key 2026 is not installed here"

    if SLOW == 1:
        for h in ctl(a.socket, "handlers"):
            status = open(f"/proc/{h['pid']}/status").read()
            assert "Seccomp:\t2\n" in status and "NoNewPrivs:\t1\n" in status, status

    summary = []
    load = threading.Thread(target=lambda: summary.append(client_json(
        proxy, "--policy", "111", "--payload", "x", "--expect", "none", "--count", "3000", "--parallel", "4")))
    load.start()
    ring(b, _2026="install", _2025="use")
    reload(a)
    assert answer(proxy, phone) == pseudonym("2025", phone, "shop")
    assert answer(proxy, phone, key="2026") == pseudonym("2026", phone, "shop")
    ring(b, _2026="use", _2025="install")
    reload(a)
    assert answer(proxy, phone) == pseudonym("2026", phone, "shop")
    assert answer(proxy, phone, key="2025") == pseudonym("2025", phone, "shop")
    ring(b, _2027="install", _2026="use", _2025="remove")
    reload(a)
    assert answer(proxy, phone, key="2025") == "handler-failed: handler: the key 2025 is not installed here"
    load.join()
    assert summary[0][0] == 0, summary

    for wrong, why in ((dict(mode=0o644, _2026="use"), "ring: can be read or written by others"), (dict(), "ring: no key is in use"),
                       (dict(_2026="use", _2025="use"), "ring:4: a second key to use, beside 2026"),
                       (dict(_2026="install"), "ring: no key is in use")):
        ring(b, **wrong)
        status, out, err = ctl_run("-s", a.socket, "reload")
        assert status != 0 and why in a.wait_for(why.replace("(", r"\("))[0], (why, out, err)
        status, out, err = run("ppool-server", "-id", "3", "-pp", "111", "-listen", "0", *options(job="hmac-sha256", pseudonym_keys=keys), "-t")
        assert status == 2 and why in err, (why, status, err)
        assert answer(proxy, phone) == pseudonym("2026", phone, "shop")
    short = b.file("short", "key a\nsecret use 00112233\n")
    os.chmod(short, 0o600)
    status, out, err = run("ppool-server", "-id", "3", "-pp", "111", "-listen", "0", *options(job="hmac-sha256", pseudonym_keys=short), "-t")
    assert status == 2 and "short:2: the secret has 4 bytes: it must have at least 32" in err, err
    ring(b, _2026="use")
