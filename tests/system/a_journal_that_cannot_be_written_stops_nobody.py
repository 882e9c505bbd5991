import os
from lib.bench import FOLDER, Bench, ask, correct, ctl, wait_until

with Bench() as b:
    folder = os.path.join(FOLDER, "state")
    journal = os.path.join(folder, "proxy.journal")
    proxy = b.proxy(options=["--state-file", journal])
    b.server("1", "111", proxy)
    wait_until(lambda: os.path.exists(journal) and '"server":"1"' in open(journal).read(), "the journal")
    os.rename(folder, folder + ".gone")
    b.server("2", "111", proxy)
    proxy.wait_for("level=error.*cannot write the journal")
    assert correct(ask(proxy))
    ctl(proxy.socket, "drain", "2")
    assert proxy.said("cannot write the journal") == 1, "it is said once"
    os.mkdir(folder)
    proxy.wait_for("the journal is written again")
    text = wait_until(lambda: os.path.exists(journal) and open(journal).read(), "the journal")
    assert '"server":"2"' in text and "draining" in text, text
    assert [e["event"] for e in ctl(proxy.socket, "events")].count("journal") == 2
