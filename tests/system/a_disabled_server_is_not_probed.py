"""Neither by checks, nor since it fails: an operator wants it left alone.  An enabled one goes on being checked beside it."""
from lib import plain
from lib.bench import Bench, ctl, wait_until

with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no", "--health-check", "request", "--check-interval", "50ms", "--eject-time", "50ms"])
    well, off = plain.Server(proxy.port, id="well"), plain.Server(proxy.port, id="off")
    failing = plain.Server(proxy.port, id="failing", behave=plain.hang_up)
    for s in (well, off, failing):
        wait_until(lambda: len(s.requests) >= 5, "five checks")
    for s in (off, failing):
        ctl(proxy.socket, "disable", s.id)
    begin = len(well.requests)
    wait_until(lambda: len(well.requests) >= begin + 3, "what was on its way is over")
    before = [len(s.requests) for s in (off, failing)]
    begin = len(well.requests)
    wait_until(lambda: len(well.requests) >= begin + 20, "twenty checks of the other")
    assert [len(s.requests) for s in (off, failing)] == before, "it was probed"
    ctl(proxy.socket, "enable", "off")
    wait_until(lambda: len(off.requests) > before[0], "it is checked again")
    for s in (well, off, failing):
        s.stop()
