import json
import os
from lib.bench import Bench, ask, correct, ctl_run, free_port

with Bench() as b:
    proxy = b.proxy()
    server = b.server("100", "111", proxy)
    b.server("200", "PP_2", proxy)
    for _ in range(7):
        assert correct(ask(proxy))
    here = ["--runtime-dir", b.runtime]
    status, out, err = ctl_run(*here, "list")
    assert status == 0 and f"ppool-proxy-{proxy.port}" in out and "ppool-server-100" in out and out.count("running") == 3, out
    status, out, err = ctl_run(*here, "servers")  # the only proxy is meant
    lines = out.splitlines()
    assert status == 0 and len(lines) == 3, out
    header = lines[0].split()
    row = dict(zip(header, lines[1].split()))
    assert row["ID"] == "100" and row["POLICY"] == "111" and row["SERVED"] == "7" and row["STATE"] == "up", row
    assert len({l.index(row["ADDR"][:10]) for l in lines[1:]}) == 1, "columns are not aligned: " + out
    status, out, err = ctl_run(*here, "--json", "servers")
    assert [s["id"] for s in json.loads(out)] == ["100", "200"]
    status, out, err = ctl_run(*here, "-p", proxy.port, "--json", "policies")
    assert [(p["policy"], p["servers"], p["up"], p["served"]) for p in json.loads(out)] == [("111", 1, 1, 7), ("PP_2", 1, 1, 0)], out
    status, out, err = ctl_run(*here, "-p", proxy.port, "status")
    assert status == 0 and f"{proxy.pid}" in out and "running" in out, out
    status, out, err = ctl_run(*here, "-i", "100", "--json", "workers")
    got = json.loads(out)
    assert len(got) == 2 and sum(w["requests"] for w in got) == 7 and all(w["state"] == "ready" for w in got), got
    status, out, err = ctl_run("-s", server.socket, "--json", "status")
    got = json.loads(out)
    assert got["id"] == "100" and got["registration"] == "joined" and got["requests"] == 7, got
    for argv, wanted, word in (
        (["-i", "100", "servers"], 1, "servers"), (["-p", 1, "status"], 3, "no such socket"), (["fly"], 2, "fly"), (["serves"], 2, "did you mean servers?"), ([], 2, "usage"),
        (["-i", "1", "-p", "2", "status"], 2, "-s"), (["--runtime-dir", "/no/such", "servers"], 3, "/no/such"),
    ):
        status, out, err = ctl_run(*here, *argv)
        assert status == wanted and word in err, (argv, status, err)
    mode = os.stat(proxy.socket).st_mode & 0o777
    assert mode == 0o666, oct(mode)
    strict = b.proxy(options=["--control-mode", "0600"])
    assert os.stat(strict.socket).st_mode & 0o777 == 0o600
    status, out, err = ctl_run(*here, "servers")
    assert status == 3 and str(strict.port) in err and str(proxy.port) in err, ("two proxies: which one?", err)
    assert "ppool-server" not in err, ("a server cannot answer that", err)
    for argv in (["drain", "100", "200"], ["wait", "100", "1", "2"], ["remove", "100", "111", "x"], ["status", "x"], ["events", "1", "2"],
                 ["events", "after", "1", "2"]):
        status, out, err = ctl_run("-s", proxy.socket, *argv)
        assert status == 2 and f"{argv[-1]}: no argument is expected" in err, (argv, "the last is not passed over", err)
    # What a daemon is its socket's name need not tell.
    folder = f"{b.runtime}-own"
    os.mkdir(folder, 0o755)
    status, out, err = ctl_run("-r", folder, "list")
    assert status == 0 and out == f"none in {folder}\n", (status, out, err)
    own = b.proxy(options=["--control", f"{folder}/front.sock"])
    back = b.server("900", "111", wait=False, options=["--control", f"{folder}/back.sock"])
    status, out, err = ctl_run("-r", folder, "list")
    assert status == 0 and "front" in out and "back" in out, (status, out, err)
    status, out, err = ctl_run("-r", folder, "servers")
    assert status == 0 and out == "none\n", (status, out, err)
    status, out, err = ctl_run("-r", folder, "--json", "status")
    assert status == 0 and json.loads(out)["pid"] == own.pid, (status, out, err)
    back.stop()
    own.stop()
    for argv, wanted, word in ((["-s", proxy.socket, "list"], 2, "see status"), (["-p", proxy.port, "handlers"], 1, "a command of servers: name one with -i"),
                               (["-i", "100", "servers"], 1, "a command of proxies: name one with -p"), (["-i", "100", "recycle", "7"], 1, "see workers")):
        status, out, err = ctl_run(*here, *argv)
        assert status == wanted and word in err and "no such command" not in err, (argv, status, out, err)
    status, out, err = ctl_run("-s", proxy.socket, "status")
    assert any(line.split()[0] == "uptime" and line.endswith("s") for line in out.splitlines()), out
    strict.stop()
    proxy.stop()
    status, out, err = ctl_run(*here, "servers")
    assert status == 3 and "no running proxy" in err and "which one" not in err, err
