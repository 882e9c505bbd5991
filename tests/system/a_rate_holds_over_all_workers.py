"""So many requests a second for an address and for a srcid, however many connections and workers they come over."""
import threading
import time
from lib.bench import Bench, Peer, correct, request

CONNECTIONS, EACH = 8, 60


def flood(proxy, srcid):
    """Everybody at once; (served, turned away, seconds)."""
    served, away, wrong = [], [], []
    gate = threading.Barrier(CONNECTIONS)

    def one(n):
        with Peer(proxy) as p:
            gate.wait()
            for _ in range(EACH):
                got = p.ask(request(srcid=srcid(n)))
                if correct(got):
                    served.append(got)
                elif got["code"] == "overloaded" and int(got["retryafter"]) > 0:
                    away.append(got)
                else:
                    wrong.append(got)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(CONNECTIONS)]
    begin = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong, wrong[:3]
    assert len(served) + len(away) == CONNECTIONS * EACH
    return len(served), len(away), time.monotonic() - begin


with Bench() as b:
    proxy = b.proxy(workers=4, options=["--rate-per-address", "20", "--burst-per-address", "30", "--narrate", "no"])
    b.server("1", "111", proxy, options=["--narrate", "no"])
    served, away, seconds = flood(proxy, lambda n: str(n))
    print("by address:", served, away, seconds)
    assert 30 <= served <= 30 + 20 * seconds + 1, (served, seconds)
    assert away > 0
    other = b.proxy(workers=4, options=["--rate-per-srcid", "10", "--burst-per-srcid", "5", "--narrate", "no"])
    b.server("2", "111", other, options=["--narrate", "no"])
    served, away, seconds = flood(other, lambda n: "same")
    print("by srcid:", served, away, seconds)
    assert 5 <= served <= 5 + 10 * seconds + 1, (served, seconds)
    served, away, seconds = flood(other, lambda n: f"own-{n}")
    assert 5 * CONNECTIONS <= served <= CONNECTIONS * (5 + 10 * seconds + 1), (served, seconds)
    # A client that waits as long as it is told is served.
    with Peer(other) as p:
        while "retryafter" in (got := p.ask(request(srcid="patient"))) or correct(got):
            if "retryafter" in got:
                break
        threading.Event().wait(int(got["retryafter"]) / 1000)
        assert correct(p.ask(request(srcid="patient")))
