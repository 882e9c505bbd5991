"""The values change under load, a killed server turns red with its reason, a phone's width fits, and the script has
nothing to complain about.  POLICYPOOL_PICTURES names a folder for screenshots of it."""
import os
import signal
import subprocess
from lib.bench import PROGRAMS, Bench, wait_until
from lib.browser import Browser

PICTURES = os.environ.get("POLICYPOOL_PICTURES")
TILE = "return document.querySelector(`[data-tile='${arguments[0]}'] b`)?.textContent"
ROW = """const row = document.querySelector(`[data-server='${arguments[0]}']`);
return row && {state: row.dataset.state, tone: row.className, why: row.querySelector('.why').textContent,
    color: getComputedStyle(row.querySelector('.chip')).color};"""
RED = "rgb(180, 35, 24)"


def picture(page, name):
    if PICTURES:
        page.picture(os.path.join(PICTURES, name))


def start_load(proxy, policy):
    return subprocess.Popen([f"{PROGRAMS}/ppool-client", "-revproc", str(proxy.port), "--policy", policy, "--size", "200", "--count",
                             "10000000", "--parallel", "8", "--vary"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def fits(page):
    return page.js("return document.documentElement.scrollWidth <= window.innerWidth")


with Bench() as b:
    quiet = ["--narrate", "no"]
    proxy = b.proxy(options=["--admin", "0", *quiet])
    servers = [b.server(id, policy, proxy, options=quiet)
               for id, policy in (("100", "111"), ("300", "111"), ("500", "111"), ("200", "222"), ("400", "222"))]
    port = proxy.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1]
    loads = [start_load(proxy, "111"), start_load(proxy, "222")]
    try:
        with Browser() as page:
            page.size(1200, 1150)
            page.open(f"http://127.0.0.1:{port}/")
            wait_until(lambda: page.js(TILE, "requests/s") not in (None, "0"), "a rate")
            first = page.js(TILE, "answered")
            wait_until(lambda: page.js(TILE, "answered") != first, "the count changes")
            assert page.js(TILE, "p99") != "–" and all(page.js(ROW, s.id)["state"] == "up" for s in servers)
            wait_until(lambda: page.js("return document.querySelector('#rate path').getAttribute('d').split('L').length") > 10, "a line")
            assert page.js("return document.querySelectorAll('[data-policy]').length") == 2 and fits(page)
            picture(page, "healthy.png")
            # Its group: the master and its workers, as if its machine had gone.
            os.killpg(servers[0].pid, signal.SIGKILL)
            wait_until(lambda: page.js(ROW, "100")["tone"] == "bad", "the killed server turns red")
            row = page.js(ROW, "100")
            assert row["color"] == RED and row["why"], row
            assert page.js(ROW, "300")["state"] == "up"
            wait_until(lambda: "100" in page.js("return document.getElementById('events').textContent"), "an event")
            picture(page, "status.png")
            page.size(375, 800)
            wait_until(lambda: page.js("return innerWidth") == 375 and fits(page), "a phone's width fits")
            picture(page, "phone.png")
            proxy_gone = "return !document.getElementById('lost').hidden"
            assert not page.js(proxy_gone) and not page.complaints(), page.complaints()
            for load in loads:
                load.kill()
            proxy.stop()
            wait_until(lambda: page.js(proxy_gone), "the page says that nobody answers")
    finally:
        for load in loads:
            load.kill()
            load.wait()
