"""Killed -9 under load: where requests may be sent again none is lost, and what may not be ends with an error that says so; the answers
are each request's own all the while."""
import threading
from lib.bench import PATIENCE, SLOW, Bench, Proxy, sha1, wait_until
from lib.python_client import KINDS, Waiting, policypool as pp


def ask(kind, proxies, resend, progress, enough):
    """Until it is enough; errors by their number."""
    errors = {}

    def requests():
        while not enough.is_set():
            yield "111", f"{len(progress)}-{id(progress)}"
            progress.append(1)

    with Waiting(kind, proxies, timeout=60 * PATIENCE) as client:
        for i, got in enumerate(client.outcomes(requests(), resend=resend)):
            if isinstance(got, pp.Error):
                errors[i] = got
            else:
                assert got.text == sha1(f"{i}-{id(progress)}"), f"{i}: another's answer"
    return errors


with Bench() as b:
    one, two = b.proxy(workers=1, options=["--narrate", "no"]), b.proxy(workers=1, options=["--narrate", "no"])
    both = f"{one.port},127.0.0.1:{two.port}"
    for i in ("1", "2"):
        b.server(i, "111", both, workers=1, options=["--narrate", "no"])
        one.wait_server(i)
        two.wait_server(i)
    runs = [(kind, resend, [], threading.Event(), []) for kind in KINDS for resend in (True, False)]

    def run(kind, resend, progress, enough, errors):
        try:
            errors.append(ask(kind, both, resend, progress, enough))
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=run, args=r) for r in runs]
    for t in threads:
        t.start()
    wait_until(lambda: all(len(r[2]) > 500 for r in runs), "load")
    assert two.servers()["1"]["served"] == 0, "the first of the list is stayed at"
    one.kill_group()
    b.started.remove(one)
    before = [len(r[2]) for r in runs]
    wait_until(lambda: all(len(r[2]) > n + 500 for r, n in zip(runs, before)), "load at the other one")
    again = b.keep(Proxy(b, one.port, workers=1, options=["--narrate", "no"]))
    for i in ("1", "2"):
        again.wait_server(i)
    two.kill_group()
    b.started.remove(two)
    before = [len(r[2]) for r in runs]
    wait_until(lambda: all(len(r[2]) > n + 500 for r, n in zip(runs, before)), "load at the first one again")
    for r in runs:
        r[3].set()
    for t in threads:
        t.join(60 * PATIENCE)
    for kind, resend, progress, _, result in runs:
        assert len(result) == 1 and isinstance(result[0], dict), (kind, resend, result)
        print(f"{kind}, resend {resend}: {len(progress)} asked, {len(result[0])} lost")
        # As many as are on the way: two proxies are killed.  With a sanitizer one that is killed takes its time to be gone, and its
        # socket may take one more connection meanwhile.
        assert len(result[0]) <= (0 if resend else 2 * 64 * (1 if SLOW == 1 else 2)), result[0]
        for e in result[0].values():
            assert isinstance(e, pp.ConnectionLost) and e.may_have_run and "may have run" in str(e), e

    # It connects to the one that is there, whichever is first in its list.
    for kind in KINDS:
        for proxies in (both, [two.port, again.port], (f"127.0.0.1:{two.port}", f"127.0.0.1:{again.port}")):
            with Waiting(kind, proxies, order="random") as client:
                assert client.call("111", "hello").text == sha1("hello")
