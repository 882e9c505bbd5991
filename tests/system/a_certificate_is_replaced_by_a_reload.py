"""New connections get the new certificate, a request on an old session is answered there; a bad one changes nothing."""
import os
import shutil
import signal
import threading

from lib import pooled
from lib.bench import Bench, client, correct, ctl_run, request, wait_until
from lib.certificates import SecurePeer, authority, client_by, issue, listening, servers_by


def serial(port, ca):
    with SecurePeer(port, ca) as p:
        return p.socket.getpeercert()["subject"][0][0][1]


with Bench() as b:
    ca = authority()
    first, second = issue("first", ca), issue("second", ca)
    in_use = issue("in-use", ca)
    for a, z in ((first.certificate, in_use.certificate), (first.key, in_use.key)):
        shutil.copy(a, z)
    proxy = b.proxy(options=[*listening(in_use, "optional"), *servers_by(ca)])
    gate = threading.Event()
    slow = pooled.Server(proxy, gate=gate)
    assert serial(proxy.port, ca) == "first"
    with SecurePeer(proxy, ca) as old:
        old.send(request("on its way"))
        wait_until(lambda: slow.in_flight == 1, "the request is at the server")

        # A key that does not fit refuses the reload, and says so.
        shutil.copy(second.certificate, in_use.certificate)
        status, out, err = ctl_run("-s", proxy.socket, "reload")
        assert status != 0 and in_use.key in out + err and "not the key of the certificate" in out + err, (status, out, err)
        assert serial(proxy.port, ca) == "first"

        shutil.copy(second.key, in_use.key)
        os.kill(proxy.pid, signal.SIGHUP)
        wait_until(lambda: serial(proxy.port, ca) == "second", "the new certificate is shown")
        gate.set()
        assert correct(old.read(), "on its way"), "the old session goes on"
    status, out, err = client(proxy, *client_by(ca), "--policy", "111", "--payload", "new")
    assert status == 0, (status, out, err)

    # A successor shows it as well.
    proxy.upgrade()
    assert serial(proxy.port, ca) == "second"
    status, out, err = client(proxy, *client_by(ca), "--policy", "111", "--payload", "newer")
    assert status == 0, (status, out, err)
    slow.stop()
