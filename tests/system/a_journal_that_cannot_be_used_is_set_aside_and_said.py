import glob
import os
import re
import time
from lib.bench import FOLDER, Bench, ask, correct, ctl, ctl_run, run

JOURNAL = os.path.join(FOLDER, "proxy.journal")

with Bench() as b:
    proxy = b.proxy(options=["--state-file", JOURNAL])
    port = proxy.port
    server = b.server("1", "111", proxy)
    assert proxy.stop() == 0
    b.started.remove(proxy)
    assert server.stop() == 0
    good = open(JOURNAL).read()
    assert '"server":"1"' in good, good
    age = time.time() * 1000 - 3 * 3600 * 1000
    for text, word in ((good[:-5], "cut"), (good.replace('"server":"1"', '"server":"2"'), "checksum"), (good.replace('"version":1', '"version":9'), "version 9"),
                       ("[mysqld]\n", "no JSON"), ("", "empty"), (re.sub(r'"saved":\d+', f'"saved":{age:.0f}', good), "state_max_age")):
        for old in glob.glob(JOURNAL + ".bad-*"):
            os.unlink(old)
        with open(JOURNAL, "w") as f:
            f.write(text)
        os.unlink(JOURNAL + ".lock")  # which would say when a proxy last lived
        proxy = b.proxy(port=port, options=["--state-file", JOURNAL, "--state-max-age", "1h"])
        said = proxy.wait_for(r"level=error.*the journal cannot be used: set aside.*now=(\S+) why=(.*)")
        assert word in said[2] and said[1].startswith(JOURNAL + ".bad-"), said[0]
        assert open(said[1]).read() == text
        assert proxy.servers() == {}, "something of it was believed"
        event = ctl(proxy.socket, "events")[0]
        assert event["event"] == "journal" and word in event["why"], event
        assert ask(proxy)["code"] == "unknown-policy"
        assert proxy.stop() == 0
        b.started.remove(proxy)
        assert '"end":1' in open(JOURNAL).read(), "a new one takes its place"
    # A journal of more servers than there is room for.
    with open(JOURNAL, "w") as f:
        f.write(good)
    proxy = b.proxy(port=port, options=["--state-file", JOURNAL])
    assert "1" in proxy.servers()
    for bad in ("relative/path", "sometimes"):
        status, _, err = run("ppool-proxy", "--state-file", bad, "-t")
        assert status == 2 and "state-file" in err and "absolute" in err, (status, err)
    status, _, err = run("ppool-proxy", "--state-max-age", "8761h", "-t")
    assert status == 2 and "state-max-age" in err, err
