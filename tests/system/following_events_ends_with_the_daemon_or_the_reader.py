"""ppool-ctl events --follow shows each event as a line and ends when the daemon does, and says so;
when nobody reads it any more it ends without a word."""
import subprocess
from lib.bench import PATIENCE, PROGRAMS, Bench, ctl


def follow(proxy):
    return subprocess.Popen([f"{PROGRAMS}/ppool-ctl", "-s", proxy.socket, "events", "--follow"], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


with Bench() as b:
    proxy = b.proxy()
    b.server("1", "111", proxy)
    follower, unread = follow(proxy), follow(proxy)
    assert follower.stdout.readline().split()[-4:-1] == ["joined", "1", "111"]
    unread.stdout.readline()
    unread.stdout.close()
    ctl(proxy.socket, "drain", "1")
    line = follower.stdout.readline().split()
    assert line[1:4] == ["draining", "1", "111"] and "uid" in " ".join(line), line
    assert unread.wait(60 * PATIENCE) == 1  # what it had to say was not taken
    assert (said := unread.stderr.read()) == "", said
    assert proxy.stop() == 0
    rest, said = follower.communicate(timeout=60 * PATIENCE)
    assert follower.returncode == 3 and said.startswith("ppool-ctl: events: "), (follower.returncode, rest, said)
