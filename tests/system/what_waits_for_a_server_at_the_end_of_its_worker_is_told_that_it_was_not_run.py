"""Requests that still wait for a server, in a line or declined, when stop_timeout is nearly over are answered
shutting-down: their clients know that they were not run, and ask the worker that comes next."""
import signal
import subprocess

from lib import pooled
from lib.bench import PROGRAMS, Bench, Peer, ctl, request, wait_until


def declines(server, request):
    return {"type": "3", "srcid": server.id, "destid": request["srcid"], "payloadsize": 0, "payload": "", "code": "overloaded",
            "message": "busy", "retryafter": 50}


with Bench() as b:
    def proxy():
        return b.proxy(workers=1, options=["--queue-timeout", "60s", "--request-timeout", "60s", "--stop-timeout", "2s"])

    def waiting(p, n):
        wait_until(lambda: ctl(p.socket, "status")["queued"] == n, "they wait")

    for answer in (None, declines):
        p = proxy()
        server = pooled.Server(p, answer=answer)
        if answer is None:
            ctl(p.socket, "remove", "1")
        peers = [Peer(p).send(request(payload=f"a{i}") + request(payload=f"b{i}")) for i in range(5)]
        waiting(p, 10)
        p.send_signal(signal.SIGTERM)
        for peer in peers:
            for _ in range(2):
                got = peer.read()
                assert got is not None and got["code"] == "shutting-down", got
            assert peer.closed()
            peer.close()
        assert p.wait() == 0
        b.started.remove(p)
        assert "worker killed" not in p.output, p.output
        server.stop()

    # By a reload: the next worker has them.
    p = proxy()
    pooled.Server(p).stop()
    ctl(p.socket, "remove", "1")
    client = subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(p.port), "-pp", "111", "--payload", "hello", "--resend", "no"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    waiting(p, 1)
    ctl(p.socket, "reload")
    wait_until(lambda: len(ctl(p.socket, "workers")) == 1, "the former worker ends")
    waiting(p, 1)
    b.server("2", "111", p)
    out, _ = client.communicate(timeout=30)
    assert client.returncode == 0, out
    assert "worker killed" not in p.output, p.output
