"""Users, rights and descriptors of the workers, read from /proc; and that they serve like that."""
# Not under valgrind: a process may not lower its limits there.
import os
import pwd
import re
from lib.bench import SLOW, Bench, ask, client_json, correct, wait_until, workers

ROOT = os.geteuid() == 0
SLOTS = 4 * 2 + 16  # of a daemon with two workers
FILTERED = SLOW == 1  # neither a sanitizer nor valgrind


def status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def open_files(pid):
    """By number; one that is closed while they are listed is not open."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[fd] = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            pass
    return found


def check(pid, uid):
    s = status(pid)
    assert s["Uid"].split() == [str(uid)] * 4, s["Uid"]
    if ROOT:
        assert s["Gid"].split() == [str(pwd.getpwuid(uid).pw_gid)] * 4, s["Gid"]
        assert int(s["CapBnd"], 16) == 0, s["CapBnd"]
    for cap in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(s[cap], 16) == 0, (cap, s[cap])
    assert s["NoNewPrivs"] == "1" and s["Seccomp"] == ("2" if FILTERED else "0"), (s["NoNewPrivs"], s["Seccomp"])


def check_files(pid, nudges):
    """stdio, the log (where the kernel wants a descriptor of its own for it), the listener, the channel, the loop and its signal pipe,
    how long it waits, and no more but the ends of pipes by which workers tell each other to look around."""
    expected = sorted(["socket", "socket", "anon_inode:[eventpoll]", "pipe", "pipe", "schedstat"] + ["pipe"] * nudges)
    seen = []

    def as_expected():
        # valgrind's own are far up.
        seen[:] = sorted(re.sub(r":\[\d+\]|^/proc/\d+/", "", name) for fd, name in open_files(pid).items() if 2 < int(fd) < 500)
        return seen in (expected, sorted(expected + ["pipe"]))

    try:
        wait_until(as_expected, "open files")  # what is looked at for a moment goes again
    except AssertionError:
        raise AssertionError((seen, expected)) from None


def nobody():
    for name in ("policypool", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            pass


with Bench() as b:
    proxy = b.proxy(workers=2, options=["--narrate", "no"])
    for pid in workers(proxy):
        check_files(pid, nudges=SLOTS + 2)  # to write to one a slot and to the master's, to read its own
    server = b.server("1", "111", proxy, workers=2, options=["--narrate", "no"])
    uid = nobody() if ROOT else os.geteuid()
    for daemon in (proxy, server):
        assert status(daemon.pid)["Uid"].split()[1] == str(os.geteuid()), "the master keeps its user"
        for pid in workers(daemon):
            check(pid, uid)
    for pid in workers(server):
        check_files(pid, nudges=0)
    assert correct(ask(proxy))
    # Their limits, and what an unprivileged one is told to give up besides.
    strict = b.server("2", "222", proxy, workers=1, options=["--worker-max-files", "50", "--worker-address-space", "4G", "--worker-connections", "1", "--narrate", "no"]
                      if FILTERED else ["--worker-max-files", "50", "--worker-connections", "1", "--narrate", "no"])
    with open(f"/proc/{workers(strict)[0]}/limits") as f:
        limits = f.read()
    assert re.search(r"Max open files +50 +50 ", limits) and re.search(r"Max core file size +0 +0 ", limits), limits
    assert not FILTERED or re.search(r"Max address space +4294967296 ", limits), limits
    status_code, got = client_json(proxy, "--policy", "222", "--count", 300, "--parallel", 6, "--vary", "--size", 2000)
    assert status_code == 0 and got["correct"] == 300, got
    # Nothing of it where the settings turn it off.
    lax = b.server("3", "333", None, workers=1, options=["--user", pwd.getpwuid(os.geteuid()).pw_name, "--isolation", "none"])
    s, own = status(workers(lax)[0]), status(os.getpid())
    assert s["Uid"].split()[1] == str(os.geteuid()) and s["NoNewPrivs"] == own["NoNewPrivs"] and s["Seccomp"] == own["Seccomp"], s
    assert s["CapEff"] == own["CapEff"], s["CapEff"]
    if ROOT:
        named = b.server("4", "444", None, workers=1, options=["--user", "daemon", "--group", "bin"])
        s = status(workers(named)[0])
        assert s["Uid"].split()[1] == str(pwd.getpwnam("daemon").pw_uid) and s["Gid"].split()[1] == "2" and not s["Groups"].split(), s
        assert correct(ask(named, policy="444"))
