import json
import os
import re
import termios
import threading
from lib.bench import PROGRAMS, Bench, Peer, ctl_run, request, wait_until
from lib.needs import need_pty
from lib.terminal import Terminal

need_pty()



def lines(page):
    """As they are seen."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", page.split("\033[J")[0]).replace("\r", "").split("\n")


with Bench() as b:
    proxy = b.proxy(options=["--narrate", "no"])
    for id in ("1", "2"):
        b.server(id, "111", proxy, options=["--narrate", "no"])
    done = threading.Event()

    def work():
        with Peer(proxy) as p:
            while not done.is_set():
                p.ask(request())
    load = threading.Thread(target=work)
    load.start()

    status, out, err = ctl_run("-s", proxy.socket, "--json", "top", "-n", 2)
    assert status == 0, err
    pages = [json.loads(line) for line in out.splitlines()]
    assert len(pages) == 2, out
    for page in pages:
        policy, servers = page["policies"][0], page["servers"]
        assert policy["policy"] == "111" and policy["up"] == 2 and policy["req/s"] > 10 and policy["queued"] >= 0, policy
        assert [s["server"] for s in servers] == ["1", "2"] and all(s["req/s"] > 5 and s["p99_us"] >= s["p50_us"] > 0 for s in servers), servers
        assert abs(sum(s["req/s"] for s in servers) - policy["req/s"]) <= 0.2 * policy["req/s"], page
    status, out, err = ctl_run("-s", proxy.socket, "top")
    assert status == 0 and "\033" not in out and "REQ/S" in out and "workers 2/2" in out, out

    screen = Terminal([f"{PROGRAMS}/ppool-ctl", "-s", proxy.socket, "top"], columns=40, lines=8)
    screen.wait_for(r"\x1b\[H(?s:.*)\x1b\[H")  # drawn anew
    assert not termios.tcgetattr(screen.slave)[3] & (termios.ICANON | termios.ECHO)
    page = lines(screen.output.split("\033[H")[1])
    assert len(page) <= 8 and max(map(len, page)) <= 40, page
    os.write(screen.master, b"x")  # no key of ours
    os.write(screen.master, b"q")
    assert screen.process.wait(20) == 0
    wait_until(lambda: screen.output.endswith("\033[?1049l"), "the page of before")
    assert termios.tcgetattr(screen.slave) == screen.before, "the terminal is as it was"

    wide = Terminal([f"{PROGRAMS}/ppool-ctl", "-s", proxy.socket, "top", "--sort", "-req/s"], columns=80, lines=24)
    wide.wait_for("by req/s down")
    os.write(wide.master, b"h")
    wide.wait_for("reverse the order")
    os.write(wide.master, b"h>")
    wide.wait_for(r"SERVER\*")
    os.write(wide.master, b"\033[B\033[6~r")
    wide.wait_for("by server down")
    os.write(wide.master, b"q")
    assert wide.process.wait(20) == 0
    for page in wide.output.split("\033[H")[1:]:
        assert len(lines(page)) <= 24 and max(map(len, lines(page))) <= 80, page
    status, out, _ = ctl_run("-s", proxy.socket, "top", "--json", "--state", "ejected")
    assert status == 0 and json.loads(out)["servers"] == [], out
    status, _, err = ctl_run("-s", proxy.socket, "top", "--sort", "nothing")
    assert status == 2 and "nothing: no such column; there are server policy state req/s" in err, err

    lost = Terminal([f"{PROGRAMS}/ppool-ctl", "-s", proxy.socket, "top"], columns=200, lines=50)
    lost.wait_for("req/s")
    done.set()
    load.join()
    assert proxy.stop() == 0
    assert lost.process.wait(20) == 3
    wait_until(lambda: "ppool-ctl: top: " in lost.output.split("\033[?1049l")[-1], "the reason, where it can be read")

    for argv in (["-n", "0"], ["-n"], ["-d", "x"], ["fast"]):
        status, _, err = ctl_run("-s", proxy.socket, "top", *argv)
        assert status == 2 and ("-n pages" in err or argv == ["-n"] and "requires an argument" in err), (argv, status, err)
