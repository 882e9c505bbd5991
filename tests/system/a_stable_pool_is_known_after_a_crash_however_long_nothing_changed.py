"""The age of what is remembered counts from when the proxy last lived, not from the last change, nor by a clock that was set."""
import json
import os
import re
import time
from lib.bench import FOLDER, Bench, ask, correct, wait_until
from lib.plain import Server

JOURNAL = os.path.join(FOLDER, "state", "proxy.journal")
OPTIONS = ["--state-file", JOURNAL, "--state-max-age", "4s"]


def saved():
    return json.loads(open(JOURNAL).readline())["saved"]


with Bench() as b:
    proxy = b.proxy(options=OPTIONS)
    plain = Server(proxy.port, id="1", policy="111")
    proxy.wait_server("1")
    wait_until(lambda: os.path.exists(JOURNAL) and '"server":"1"' in open(JOURNAL).read(), "the journal of the registration")
    # Nothing changes for longer than state_max_age.
    wait_until(lambda: time.time() * 1000 - saved() > 6000, "the time", 30)
    proxy.kill_group()
    b.started.remove(proxy)
    proxy = b.proxy(port=proxy.port, options=OPTIONS)
    assert proxy.said("servers known from the journal")
    assert proxy.servers()["1"]["age_s"] > 6, proxy.servers()["1"]
    assert correct(ask(proxy))
    # Its clock was wrong when it was written, and is right now: it has lived since the same boot.
    proxy.kill_group()
    b.started.remove(proxy)
    beat = open(JOURNAL + ".lock").read()
    wrong = re.sub(r'"wall":\d+', '"wall":1577836800000', beat)
    assert wrong != beat, beat
    text = open(JOURNAL).read()
    open(JOURNAL + ".lock", "w").write(wrong)
    proxy = b.proxy(port=proxy.port, options=OPTIONS)
    assert proxy.said("servers known from the journal")
    # One that did not live for longer is forgotten all the same.
    proxy.kill_group()
    b.started.remove(proxy)
    died = time.monotonic()
    wait_until(lambda: time.monotonic() - died > 5, "the time", 30)
    proxy = b.proxy(port=proxy.port, options=OPTIONS)
    proxy.wait_for("it is older than state_max_age")
    assert proxy.servers() == {}
    plain.stop()
