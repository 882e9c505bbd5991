"""Half of the clients send a job that ends its process or breaks the protocol, in all the ways there are: each gets an error of its
own, and the others their replies.  Nothing is tried again by the proxy, and each failed job is a line of the log."""
import threading
from lib import handlers
from lib.bench import Bench, Peer, request

BODY = """
kind = text.split()[0]
if kind == "segv":
    os.kill(os.getpid(), signal.SIGSEGV)
elif kind == "exit":
    os._exit(0)
elif kind == "raise":
    raise RuntimeError(text)
elif kind == "garbage":
    print("garbage", flush=True)
    continue
elif kind == "half":
    os.write(1, b'{"job":')
    os._exit(1)
elif kind == "twice":
    answer(job, payload=text.upper())
elif kind == "foreign":
    job["job"] += 1
elif kind == "closes":
    os.close(1)
    time.sleep(60)
answer(job, payload=text.upper())
"""
KINDS = ["segv", "exit", "raise", "garbage", "half", "twice", "foreign", "closes"]
CLIENTS = 6

wrong = []


def well(port, kind, n):
    with Peer(port, seconds=120) as p:
        for i in range(10):
            reply = p.ask(request(payload=f"well {kind} {n} {i}", srcid=f"well-{kind}-{n}-{i}"))
            if reply is None or reply.get("payload") != f"WELL {kind.upper()} {n} {i}":
                wrong.append((kind, n, i, reply))


def sick(port, kind, n):
    """One payload for all, so that the handler does not count as failing at everything."""
    with Peer(port, seconds=120) as p:
        for i in range(2):
            reply = p.ask(request(payload=kind, srcid=f"{kind}-{n}-{i}"))
            fine = reply is not None and (reply.get("payload") == "TWICE" if kind == "twice" else reply.get("code") == "handler-failed")
            if not fine:
                wrong.append(("sick", kind, n, i, reply))


with Bench() as b:
    proxy = b.proxy(options=("--queue-timeout", "2m"))
    server = handlers.server(b, BODY, proxy, processes=4,
                             options=("--handler-strikes", 0, "--handler-queue", 100, "--log-rate", 0, "--job-timeout", "1m"))
    for kind in KINDS:
        clients = [threading.Thread(target=f, args=(proxy, kind, n)) for n in range(CLIENTS) for f in (well, sick)]
        for c in clients:
            c.start()
        for c in clients:
            c.join()
        assert not wrong, (len(wrong), wrong[:10])
    causes = handlers.failed(server)
    assert set(causes) == {f"{kind}-{n}-{i}" for kind in KINDS if kind != "twice" for n in range(CLIENTS) for i in range(2)}, causes
