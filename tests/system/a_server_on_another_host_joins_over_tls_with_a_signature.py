"""Two hosts: the one with a key joins over TLS, the one without is refused, and nothing that is said can be read on the
wire between them."""
# Not under valgrind: it would watch ip(8), not what that starts.
import contextlib

from lib import hosts
from lib.bench import Bench, ctl, sha1, wait_until
from lib.certificates import authority, client_by, issue, listening, proxy_by, servers_by
from lib.needs import need_network_namespaces
from lib.signed import Key, write

need_network_namespaces()
SECRET = "what nobody between them shall read"
alpha = Key("alpha")


def start_proxy(b, stack, host, name, *options):
    p = host.daemon("ppool-proxy", "-port", f"{host.address}:0", "--runtime-dir", f"{b.runtime}/{name}", "--workers", 2, *options)
    stack.callback(p.stop)
    p.port = int(p.wait_for(r'msg="serving" listen=\S+:(\d+) ')[1])
    p.socket = f"{b.runtime}/{name}/ppool-proxy-{p.port}.sock"
    return p


def start_server(b, stack, host, id, proxy, *options):
    s = host.daemon("ppool-server", "-id", id, "-pp", "111", "-listen", 0, "-revproc", f"{hosts.ADDRESSES[0]}:{proxy.port}",
                    "--runtime-dir", b.runtime, "--workers", 2, *options)
    stack.callback(s.stop)
    return s


def joined(proxy, id):
    return any(s["id"] == id for s in ctl(proxy.socket, "servers"))


def send(host, proxy, *options):
    return host.run("ppool-client", "-revproc", f"{hosts.ADDRESSES[0]}:{proxy.port}", "--policy", "111", "--payload", SECRET, *options)


with Bench() as b, hosts.two() as (here, there), contextlib.ExitStack() as stack:
    ca = authority()
    at_proxy, at_server = issue("proxy", ca, ip=here.address), issue("server", ca, ip=there.address)
    ring = write(b, "ring", alpha.stanza("policies 111", f"networks {there.address}/32"))
    key = ["--key-file", write(b, "key", f"secret {alpha.secret.hex()}\n"), "--key-id", "alpha"]
    with hosts.Capture(here, "secure") as wire:
        proxy = start_proxy(b, stack, here, "secure-proxy", "--keyring", ring, *listening(at_proxy, client_ca=ca),
                            *servers_by(ca, at_proxy), "--server-tls", "required")
        secure = [*listening(at_server, client_ca=ca), *proxy_by(ca, at_server)]
        without = start_server(b, stack, there, "200", proxy, *secure)
        without.wait_for("not registered.*refused: denied")
        proxy.wait_for('registration refused" peer=192.0.2.2:')
        with_key = start_server(b, stack, there, "100", proxy, *secure, *key)
        with_key.wait_for("registered with the proxy")
        wait_until(lambda: joined(proxy, "100"), "the server with the key is in the pool")
        assert not joined(proxy, "200")
        status, out, err = send(there, proxy, *client_by(ca, at_server))
        assert status == 0 and "the hash is correct" in out and "server 100" in out, (status, out, err)
    assert len(wire.heard) > 5000
    for words in (SECRET, sha1(SECRET), "privPol", alpha.name):
        assert words.encode() not in wire.heard, words

    # The ear is good: plain, it hears everything.
    with hosts.Capture(here, "plain") as wire:
        proxy = start_proxy(b, stack, here, "plain-proxy", "--trusted-networks", f"{there.address}/32")
        start_server(b, stack, there, "300", proxy)
        wait_until(lambda: joined(proxy, "300"), "the plain server is in the pool")
        assert send(there, proxy)[0] == 0
    for words in (SECRET, sha1(SECRET), "privPol"):
        assert words.encode() in wire.heard, words
