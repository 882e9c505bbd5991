"""The commands of policypool(7), "Over several machines", as they stand there, each on a host of its own: IPv4 and IPv6, names for the
proxy, the same port for all servers; replies take turns."""
# Not under valgrind: it would watch nsenter(1), not what that starts.
import json
import os
import re
import shlex
import subprocess

from lib import hosts, names
from lib.bench import FOLDER, PROGRAMS, Bench, Daemon, sha1, wait_until
from lib.needs import need_ipv6, need_network_namespaces

need_network_namespaces()
need_ipv6()
names.need()
MANUAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "man", "policypool.7")


def commands():
    """[(host, [program, argument ...])]"""
    with open(MANUAL) as f:
        section = re.search(r"^\.Sh OVER SEVERAL MACHINES\n(.*?)^\.Sh ", f.read(), re.M | re.S)[1]
    literal = "".join(re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", section, re.M | re.S))
    literal = literal.replace("\\e\n", "").replace("\\(aq", "'")
    return [(host, shlex.split(line)) for host, line in re.findall(r"^(\w+)\$ (.*)$", literal, re.M)]


with Bench() as b, hosts.lan("proxy", "one", "two", "client") as lan:
    known = names.Names(b.runtime)
    known.hosts("10.0.0.1 proxy", "fd00::1 proxy")

    def argv(host, program, *arguments):
        folder = os.path.join(FOLDER, f"run-{host}")
        os.makedirs(folder, exist_ok=True)
        where = {"ppool-client": [], "ppool-ctl": ["-r", folder]}.get(program, ["--runtime-dir", folder])
        return [*lan[host].enter, *known.within(), f"{PROGRAMS}/{program}", *where, *[a for a in arguments if a != "-d"]]

    def run(host, *command):
        done = subprocess.run(argv(host, *command), capture_output=True, text=True, cwd=FOLDER, timeout=120)
        assert done.returncode == 0, (command, done)
        return done.stdout

    def servers():
        return {s["id"]: s for s in json.loads(run("proxy", "ppool-ctl", "--json", "servers"))}

    told = commands()
    assert [(host, line[0]) for host, line in told] == [
        ("proxy", "ppool-proxy"), ("one", "ppool-server"), ("two", "ppool-server"), ("client", "ppool-client"),
        ("proxy", "ppool-ctl"), ("proxy", "ppool-ctl"), ("one", "ppool-ctl"), ("client", "ppool-client")], told
    started = {}
    try:
        for host, command in told[:3]:
            started[host] = b.keep(Daemon(argv(host, *command)))
            started[host].wait_for('msg="serving"')
        wait_until(lambda: set(servers()) == {"100", "200"}, "both servers")
        assert {s["addr"].rpartition(":")[2] for s in servers().values()} == {"5000"}
        run("client", *told[3][1])
        assert "100" in run("proxy", *told[4][1]) and "joined" in run("proxy", *told[5][1])
        assert re.search(r"^registration +joined$", run("one", *told[6][1]), re.M)
        got = json.loads(run("client", *told[7][1]))
        assert got["correct"] == 4 and got["servers"] == {"100": 2, "200": 2}, got

        # By either family, the replies alternate.
        for at in ("10.0.0.1:8000", "[fd00::1]:8000"):
            turns = [json.loads(run("client", "ppool-client", "-revproc", at, "-pp", "111", "--payload", "x", "--json"))["servers"] for _ in range(4)]
            turns = [id for t in turns for id in t]
            assert turns in (["100", "200"] * 2, ["200", "100"] * 2), (at, turns)

        # A server that knows an address of IPv4 alone is beside one of IPv6.
        late = b.keep(Daemon(argv("client", "ppool-server", "-id", "300", "-pp", "222", "-listen", "5000", "-revproc", "10.0.0.1:8000")))
        wait_until(lambda: servers().get("300", {}).get("addr") == "10.0.0.4:5000", "the address that it comes from")
        late.stop()
        # Nobody else registers.
        started["proxy"].stop()
        alone = b.keep(Daemon(argv("proxy", "ppool-proxy", "-port", "10.0.0.1:8000,[fd00::1]:8000")))
        alone.wait_for('msg="serving"')
        alone.wait_for('msg="registration refused" peer=.*why="it is not signed, nor from a trusted network"')
        alone.stop()
    finally:
        for d in reversed(list(started.values())):
            if d.alive():
                d.stop()
