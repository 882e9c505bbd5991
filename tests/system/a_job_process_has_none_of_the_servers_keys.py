"""Keys are where they are needed: a module's process has in its memory neither the key that signs registrations nor that of the
certificate, which the master has; the secrets of pseudonyms are in their job processes, and in no process that has a socket."""
import base64
import os
import re
import secrets
from lib.bench import PROGRAMS, SLOW, Bench, Daemon, Peer, ctl, request, workers
from lib.certificates import authority, issue
from lib.needs import need_command, need_root, skip
from lib.signed import server_key

CONF = """id = 1
policy = 111
listen = 0
runtime_dir = "{runtime}"
workers = 1
narrate = no
key_file = "{key}"
key_id = web
tls = optional
tls_certificate = "{identity.certificate}"
tls_key = "{identity.key}"
"""


def memory(pid):
    """All that a process can write to: heap, stack, data."""
    found = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            first, last = (int(part, 16) for part in line.split()[0].split("-"))
            if " rw" in line and "[v" not in line:
                mem.seek(first)
                found.append(mem.read(last - first))
    return b"".join(found)


def has(pid, wanted):
    there = memory(pid)
    return [name for name, value in wanted.items() if value in there]


need_root()
if SLOW > 1:
    skip("memory of a program under a sanitizer or valgrind is not only its own")
need_command("certtool")
with Bench() as b:
    secret, other = secrets.token_bytes(32), secrets.token_bytes(32)
    identity = issue("server", authority())
    key = b.file("key", f"secret {secret.hex()}\n")
    keys = b.file("pseudonyms", f"key 2026\n    secret use {other.hex()}\n")
    for path in (key, keys, identity.key):
        os.chmod(path, 0o600)
    der = base64.b64decode(re.search(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.*?)-----END", open(identity.key).read(), re.S)[1])
    scalar = re.search(rb"\x04(?:\x20|\x21\x00)(.{32})", der, re.S)[1]  # RFC 5915
    ours = {"the secret": secret, "as text": secret.hex().encode(), "the server's key": server_key(secret, "web", "1"),
            "the certificate's": scalar, "as a number": scalar[::-1]}  # as GMP has it
    conf = CONF.format(runtime=b.runtime, key=key, identity=identity)
    for more, payload, reply in ((f'handler = module\nhandler_module = "{PROGRAMS}/modules/upper.so"\n', "abc", "ABC"),
                                 (f'job = hmac-sha256\npseudonym_keys = "{keys}"\n', "abc", "2026:")):
        server = b.keep(Daemon([f"{PROGRAMS}/ppool-server", "-c", b.file("conf", conf + more)]))
        port = int(server.wait_for(r'msg="serving" id=.* listen=\S+:(\d+) ')[1])
        server.socket = f"{b.runtime}/ppool-server-1.sock"
        with Peer(port) as peer:
            got = peer.ask(request(payload))
            assert got["type"] == "2" and got["payload"].startswith(reply), got
        job, worker = ctl(server.socket, "handlers")[0]["pid"], workers(server)[0]
        assert {"the server's key", "as a number"} <= set(has(server.pid, ours)), "they can be found where they are"
        assert not has(job, ours), has(job, ours)
        assert "the server's key" not in has(worker, ours)
        pseudonym = {"the secret": other, "as text": other.hex().encode()}
        assert not has(server.pid, pseudonym) and not has(worker, pseudonym)
        server.stop()
        b.started.remove(server)
