import os
import re
import secrets
from lib.bench import Bench, run
from lib.signed import Announcer, Key, write

SAMPLE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "etc", "keyring")

with open(SAMPLE) as f:
    text = f.read()
with Bench() as b:
    # As it is there is no key in it; with the keys uncommented and secrets put in there are.
    status, out, err = run("ppool-proxy", "-t", "--keyring", write(b, "ring", text))
    assert status == 0, err
    keys = re.sub(r"^#(?=key |\t)", "", text, flags=re.M)
    status, out, err = run("ppool-proxy", "-t", "--keyring", write(b, "ring", keys))
    assert status == 2 and "neither hex nor base64" in err, "nobody goes on with the sample's secret"
    secret = secrets.token_bytes(32)
    ring = write(b, "ring", keys.replace("SECRET", secret.hex()))
    proxy = b.proxy(options=["--keyring", ring])
    with Announcer(proxy, Key("backup", secret), id="backup-1") as a:
        assert a.join()["verb"] == "registered"
    with Announcer(proxy, Key("web", secret), id="web-1") as a:
        assert a.join()["code"] == "denied", "127.0.0.1 is not of its networks"
