"""Tables are filtered by policy and state, sorted, and cut to the columns asked for, as text, JSON and CSV; one server is shown with its
last events; an option that a command has no use for is refused."""
import csv
import io
import json
from lib.bench import Bench, ask, ctl_run

with Bench() as b:
    proxy = b.proxy()
    for id in ("20", "100"):
        b.server(id, "111", proxy)
    b.server("x", "222", proxy)
    for _ in range(3):
        ask(proxy)

    def run(*words, status=0):
        got, out, err = ctl_run("-s", proxy.socket, *words)
        assert got == status, (words, got, out, err)
        return out if status == 0 else err

    run("drain", "100")
    assert run("servers", "-o", "id,state", "--sort", "id") .splitlines()[0].split() == ["ID", "STATE"]
    rows = json.loads(run("servers", "--json", "--sort", "-id", "-o", "ID,tls,lease,key"))
    assert [r["id"] for r in rows] == ["x", "100", "20"], rows
    assert all(list(r) == ["id", "tls", "lease_s", "key"] and r["tls"] is False and r["key"] is None and r["lease_s"] > 0 for r in rows), rows
    assert [r["id"] for r in json.loads(run("--policy", "222", "servers", "-j"))] == ["x"]
    assert [r["id"] for r in json.loads(run("servers", "--state", "draining", "-j"))] == ["100"]
    assert [r["id"] for r in json.loads(run("servers", "--state", "!draining,ejected", "--policy=111", "-j"))] == ["20"]
    assert run("servers", "--state", "ejected") == "none\n"
    assert [r["policy"] for r in json.loads(run("policies", "--sort=-served", "-j"))] == ["111", "222"]
    rows = list(csv.DictReader(io.StringIO(run("servers", "--csv"))))
    assert [r["id"] for r in rows if r["state"] == "draining"] == ["100"] and rows[0]["key"] == "" and rows[0]["tls"] == "false", rows
    assert list(csv.DictReader(io.StringIO(run("status", "--csv"))))[0]["workers.wanted"] == "2"

    text = run("server", "100")
    assert ["state", "draining"] in [line.split() for line in text.splitlines()], text
    assert "ordered by uid" in text and "joined" in text, ("its last events", text)
    one = json.loads(run("server", "100", "--json"))
    assert one["id"] == "100" and one["lease_s"] > 0 and [e["event"] for e in one["events"]] == ["joined", "draining"], one
    assert "nobody: no such server is registered" in run("server", "nobody", status=1)
    assert "the id of a server is needed" in run("server", status=2)

    assert "sered: no such column; there are id policy" in run("servers", "-o", "id,sered", status=2)
    assert "no such column" in run("policies", "--state", "up", status=2), "policies have none"
    assert "not for this one" in run("drain", "100", "--sort", "id", status=2)
    assert "not for this one" in run("top", "--csv", status=2)
    assert "only one of --json and --csv" in run("servers", "--json", "--csv", status=2)
    assert "only --policy goes with" in run("events", "--follow", "--sort", "id", status=2)

    short, whole = run("-h"), run("--help-all")
    assert len(short.splitlines()) < 50 and max(map(len, whole.splitlines())) <= 80, short
    assert "--csv" in whole and "--csv" not in short and "ppool-ctl --help-all" in short, short
