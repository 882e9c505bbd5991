"""The server's page: its job, the processes and what they have in hand, strikes, a handler that fails; a phone's width fits, and
the script has nothing to complain about.  POLICYPOOL_PICTURES names a folder for screenshots of it."""
import os
from lib import handlers
from lib.bench import FOLDER, Bench, Peer, ask, request, wait_until
from lib.browser import Browser

PICTURES = os.environ.get("POLICYPOOL_PICTURES")


def picture(page, name):
    if PICTURES:
        page.picture(os.path.join(PICTURES, name))


def text(page, id):
    return page.js("const e = document.getElementById(arguments[0]); return e.hidden ? null : e.textContent", id)


with Bench() as b:
    proxy = b.proxy()
    sick = os.path.join(FOLDER, "sick")
    server = handlers.server(b, handlers.OBEY, proxy, policy="job", processes=2,
                             options=["--job", "obey", "--admin", "0", "--job-timeout", "10s", "--handler-setting", f"sick={sick}"])
    handlers.idle(server, 2)
    port = server.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1]
    with Browser() as page:
        page.size(1200, 900)
        page.open(f"http://127.0.0.1:{port}/")
        wait_until(lambda: "job obey" in text(page, "about"), "the job")
        wait_until(lambda: text(page, "handlers").count("idle") == 2 and text(page, "state") == "running", "two idle processes")
        assert ask(proxy, policy="job", payload="hello")["payload"] == "HELLO"
        assert ask(proxy, policy="job", payload="signal 11")["code"] == "handler-failed"
        with Peer(proxy) as p:
            p.send(request(policy="job", payload="hang", srcid="client-7"))
            wait_until(lambda: "client-7" in text(page, "handlers") and "busy" in text(page, "handlers"), "the job in hand")
            wait_until(lambda: "ended" in text(page, "strikes"), "a strike")
            picture(page, "server.png")
            page.size(375, 800)
            wait_until(lambda: page.js("return innerWidth") == 375 and page.js(
                "return document.documentElement.scrollWidth <= window.innerWidth"), "a phone's width fits")
            assert p.read()["code"] == "handler-timeout"
        open(sick, "w").close()
        n = iter(range(100000))
        wait_until(lambda: ask(proxy, policy="job", payload=f"job {next(n)}") and text(page, "degraded"), "it says that the handler fails", 60)
        assert text(page, "state") == "degraded"
        os.remove(sick)
        wait_until(lambda: ask(proxy, policy="job", payload=f"job {next(n)}") and not text(page, "degraded"), "it is well again", 60)
        assert not page.complaints(), page.complaints()
