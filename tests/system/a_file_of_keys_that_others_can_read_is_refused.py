import os
from lib.bench import FOLDER, Bench, ctl, ctl_run, free_port, run, still_serves
from lib.signed import Key, write

alpha = Key("alpha")


def start(program, *options):
    """Exit status and errors of a daemon that cannot start."""
    status, out, err = run(program, *options, "--runtime-dir", os.path.join(FOLDER, "run"))
    return status, out + err


with Bench() as b:
    ring = write(b, "ring", alpha.stanza())
    key_file = write(b, "key", f"secret {alpha.secret.hex()}\n")
    server = ["-id", "100", "-pp", "111", "-listen", "0", "--key-file", key_file]
    for mode in (0o640, 0o604, 0o620, 0o666):
        os.chmod(ring, mode)
        os.chmod(key_file, mode)
        status, said = start("ppool-proxy", "-port", free_port(), "--keyring", ring)
        assert status == 2 and f"{ring}: can be read or written by others: its mode must be 0600" in said, said
        status, said = start("ppool-server", *server, "--key-id", "alpha")
        assert status == 2 and f"{key_file}: can be read or written by others" in said, said
    os.chmod(ring, 0o600)
    os.chmod(key_file, 0o600)
    status, said = start("ppool-server", *server)
    assert status == 2 and "key_file and key_id need each other" in said, said
    status, said = start("ppool-proxy", "-port", free_port(), "--keyring", "ring")
    assert status == 2 and "keyring: \"ring\": the path must begin with /" in said, said
    status, said = start("ppool-proxy", "-port", free_port(), "--keyring", os.path.join(FOLDER, "nobody"))
    assert status == 2 and "nobody: No such file" in said, said
    broken = write(b, "broken", alpha.stanza("policies", "networks 10.0.0.1/8", "colour red"))
    status, said = start("ppool-proxy", "-port", free_port(), "--keyring", broken, "-t")
    assert status == 2, status
    for line in ("broken:3: policies: none is named", "broken:4: 10.0.0.1/8: bits beyond", "broken:5: colour: unknown"):
        assert line in said, (line, said)
    # A running proxy refuses it at a reload, and goes on with what it has.
    proxy = b.proxy(options=["--keyring", ring])
    options = ["--key-file", key_file, "--key-id", "alpha"]
    b.server("100", "111", proxy, options=options)
    os.chmod(ring, 0o644)
    status, out, err = ctl_run("-s", proxy.socket, "reload")
    assert status == 1 and "0600" in out + err, (out, err)
    assert ctl(proxy.socket, "status")["generation"] == 1
    b.server("101", "111", proxy, options=options)
    still_serves(proxy)
