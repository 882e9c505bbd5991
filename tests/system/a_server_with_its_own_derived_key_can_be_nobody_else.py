import subprocess
from lib.bench import PROGRAMS, Bench, still_serves
from lib.signed import Key, write

alpha = Key("alpha")


def derive(*argv, secret=alpha.secret.hex()):
    done = subprocess.run([f"{PROGRAMS}/ppool-ctl", "derive-key", *argv], input=secret, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


with Bench() as b:
    status, line, err = derive("alpha", "100")
    assert status == 0 and line == f"server-key {alpha.server('100').hex()}\n", (line, err)
    assert derive("alpha")[0] == 2 and derive("alpha", "1", "2")[0] == 2
    status, out, err = derive("alpha", "1", secret="0011")
    assert status == 2 and not out and "at least 32" in err, err
    key_file = write(b, "key", line)
    proxy = b.proxy(options=["--keyring", write(b, "ring", alpha.stanza()), "--require-signature"])
    options = ["--key-file", key_file, "--key-id", "alpha"]
    b.server("100", "111", proxy, options=options)
    thief = b.server("101", "111", proxy, options=options, wait=False)
    thief.wait_for("refused: denied: this registration is not accepted; the proxy.s log says why")
    proxy.wait_for("registration refused.*key=alpha why=.the signature is wrong")
    assert set(proxy.servers()) == {"100"}
    still_serves(proxy)
