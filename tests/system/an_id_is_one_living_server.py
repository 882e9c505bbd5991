"""Two servers of one id, which both renew, would take each other's place for ever.  The second is refused while the first answers, and
told where that is; the first warns of each second one, once.  When the first has gone the second replaces it.  A plain one, which reads no answer, replaces the one that it finds, and that is logged."""
import os
from lib import plain
from lib.bench import FOLDER, Bench, ask, correct, ctl, wait_until


def renewals(proxy):
    return ctl(proxy.socket, "status")["registrations"]["renewed"]


def warning(older, newer):
    return (f'level=warn .*another server announces itself with this id.* proxy={proxy.port} id=100 addr=127.0.0.1:{older.port} '
            f'rival=127.0.0.1:{newer.port}')


with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no"])
    first = b.server("100", "111", proxy, options=["--lease", "10s"])
    assert correct(ask(proxy))
    b.runtime = os.path.join(FOLDER, "another")
    second = b.server("100", "111", proxy, options=["--lease", "10s", "--retry-max", "200ms"], wait=False)
    second.wait_for(f'not registered with the proxy.*denied: id in use: 100 answers at 127.0.0.1:{first.port}, and this is 127.0.0.1:{second.port}')
    proxy.wait_for(f'level=warn .*registration refused.*id in use: 100 answers at 127.0.0.1:{first.port}, and this is 127.0.0.1:{second.port}')
    # Both renew and try several times meanwhile.
    wait_until(lambda: proxy.output.count("registration refused") >= 20, "twenty refusals", seconds=60)
    assert proxy.servers()["100"]["addr"] == f"127.0.0.1:{first.port}" and "replaced" not in proxy.output, proxy.output[-3000:]
    assert second.output.count("not registered with the proxy") <= 3, second.output
    # The first is told with a renewal, and says it once, until it is another one.
    first.wait_for(warning(first, second), seconds=60)
    before = renewals(proxy)
    wait_until(lambda: renewals(proxy) >= before + 2, "two renewals", seconds=60)
    assert first.output.count("another server announces itself") == 1, first.output
    second.kill_group()
    b.started.remove(second)
    b.runtime = os.path.join(FOLDER, "a third")
    second = b.server("100", "111", proxy, options=["--lease", "10s", "--retry-max", "200ms"], wait=False)
    first.wait_for(warning(first, second), seconds=60)
    # A restart elsewhere: the first answers no more.
    first.kill_group()
    b.started.remove(first)
    proxy.wait_server("100", addr=f"127.0.0.1:{second.port}")
    proxy.wait_for(f'level=warn .*an id has moved.* id=100 former=127.0.0.1:{first.port} addr=127.0.0.1:{second.port}')
    assert correct(ask(proxy))
    # One that announces itself once.
    old = plain.Server(proxy.port, id="100")
    proxy.wait_for(f'level=warn .*an id has moved.* id=100 former=127.0.0.1:{second.port} addr=127.0.0.1:{old.port}')
    proxy.wait_server("100", kind="plain")
    assert correct(ask(proxy))
    old.stop()
