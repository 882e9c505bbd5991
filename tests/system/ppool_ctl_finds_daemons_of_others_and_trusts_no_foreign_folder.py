"""Any user's ppool-ctl finds the system's daemons; what somebody else put where its own folder would be is not asked, a socket left
behind is nobody's, and what any daemon says can neither drive the terminal nor hide.  (In a mount namespace: /run is the scenario's.)"""
import json
import os
import socket
import subprocess
import sys
from lib.bench import FOLDER, Bench, Daemon, ctl, for_anybody, free_port
from lib.needs import need_command, need_root, skip
from lib.plain import Server

need_root()
need_command("unshare", "mount")
if "OWN_RUN" not in os.environ:
    done = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/run"], capture_output=True, text=True)
    if done.returncode != 0:
        skip(f"no mount namespaces: {done.stderr.strip()}")
    os.environ["OWN_RUN"] = "1"
    os.execvp("unshare", ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$0" "$@"', sys.executable, *sys.argv])

ME, MALLORY = 54331, 54332
NASTY = "1\u202e00\x1b]0;owned\x07\u200b\x9b31m"
SHOWN = "1\\u202e00\\u001b]0;owned\\u0007\\u200b\\u009b31m"


def as_user(uid, *argv):
    env = {"PATH": os.environ["PATH"]}
    done = subprocess.run([for_anybody("ppool-ctl"), *map(str, argv)], capture_output=True, text=True, timeout=60, env=env,
                          user=uid, group=uid, extra_groups=[])
    return done.returncode, done.stdout, done.stderr


FAKE = """
import json, os, socket, sys
path, uid, nasty = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
os.setgid(uid)
os.setuid(uid)
s = socket.socket(socket.AF_UNIX)
s.bind(path)
os.chmod(path, 0o777)
s.listen()
print("ready", flush=True)
while True:
    c, _ = s.accept()
    line = c.makefile("rb").readline()
    answer = {"ok": b"status" not in line, "error": nasty, "data": [{"id": nasty, "x": True, "y": None}]}
    if line:
        c.sendall(json.dumps(answer, ensure_ascii=False).encode() + b"\\n")
    c.close()
"""


def fake(path, uid):
    """A daemon of that user, which says what it likes."""
    process = subprocess.Popen([sys.executable, "-c", FAKE, path, str(uid), json.dumps(NASTY)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


with Bench() as b:
    port = free_port()
    proxy = b.keep(Daemon([for_anybody("ppool-proxy"), "-port", str(port), "--workers", "1"]))
    proxy.wait_for('msg="serving"')
    proxy.socket = f"/run/policypool/ppool-proxy-{port}.sock"
    # Found without being named, by port, and in the list; options stand anywhere.
    assert [as_user(ME, *argv)[0] for argv in (["servers"], ["-p", port, "status"], ["status", "-p", port], ["list"])] == [0] * 4, as_user(ME, "servers")
    status, out, err = as_user(ME, "status", "--json", "-p", port)
    assert status == 0 and json.loads(out)["pid"] == proxy.pid, (out, err)
    status, out, err = as_user(ME, "events", "5", "--json")
    assert status == 0 and isinstance(json.loads(out), list), err
    assert as_user(ME, "top", "-n", "1", "--json", "-d", "1")[0] == 0
    assert as_user(ME, "--", "list")[0] == 0

    # A socket that a daemon left behind does not make it ask which one.
    left = socket.socket(socket.AF_UNIX)
    left.bind("/run/policypool/ppool-proxy-1.sock")
    left.close()
    os.chmod("/run/policypool/ppool-proxy-1.sock", 0o666)
    status, out, err = as_user(ME, "servers")
    assert status == 0, err
    assert "gone" in as_user(ME, "list")[1]
    status, out, err = as_user(ME, "-p", "1", "servers")
    assert status == 3 and "no daemon listens there" in err, err

    # Somebody else made the folder that would be this user's, before.
    own = f"/tmp/policypool-{ME}"
    os.mkdir(own, 0o755)
    try:
        os.chown(own, MALLORY, MALLORY)
        evil = fake(f"{own}/ppool-proxy-7.sock", MALLORY)
        try:
            for argv in (["-p", "7", "servers"], ["-i", "x", "servers"]):
                status, out, err = as_user(ME, *argv)
                assert status == 3 and out == "" and ("not trusted" in err or "no such socket" in err), (argv, out, err)
            status, out, err = as_user(ME, "servers")  # the system's is meant
            assert status == 0 and "owned" not in out and "not trusted" in err, (out, err)
            # Named, it is asked, but its text is still not trusted.
            status, out, err = as_user(ME, "-s", f"{own}/ppool-proxy-7.sock", "servers")
            assert status == 0 and SHOWN in out and "\x1b" not in out and "yes" in out and "-" in out, out
            status, out, err = as_user(ME, "-s", f"{own}/ppool-proxy-7.sock", "servers", "--json")
            assert json.loads(out)[0]["id"] == NASTY and "\u202e" not in out and "\u200b" not in out and "\x9b" not in out, out
            status, out, err = as_user(ME, "-s", f"{own}/ppool-proxy-7.sock", "status")
            assert status == 1 and SHOWN in err and "\x1b" not in err, err
        finally:
            evil.kill()
            evil.wait()
            evil.stdout.close()
        # One's own folder that everybody may write to is no better.
        os.chown(own, ME, ME)
        os.chmod(own, 0o777)
        status, out, err = as_user(ME, "servers")
        assert status == 0 and "not trusted" in err, (out, err)
    finally:
        subprocess.run(["rm", "-r", own], check=True)

    # Ids that can't be seen as they are: in tables, in the log, in events; JSON has them as they are.
    plain = Server(port, id="9\u202e8\u200b", policy="111")
    proxy.wait_for("server joined")
    status, out, err = as_user(ME, "servers")
    assert "9\\u202e8\\u200b" in out and "\u202e" not in out, out
    assert "\u202e" not in as_user(ME, "events")[1] and "\u202e" not in proxy.output, proxy.output
    row = ctl(proxy.socket, "servers")[0]
    assert row["id"] == "9\u202e8\u200b" and row["lease_s"] is None and row["key"] is None and row["tls"] is False, row
    assert ctl(proxy.socket, "explain", "111")[0]["why_not"] in (None, "not its turn"), "null where there is nothing to say"
    plain.stop()
