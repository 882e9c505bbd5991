"""After handler_strikes ends in a row a payload is answered handler-failed without being run; others are run as before.  ppool-ctl
strikes shows it with cause and client, strikes clear lets it run again; an answer in between makes strikes void."""
import os
from lib import handlers
from lib.bench import FOLDER, Bench, ask, ctl, ctl_run, wait_until

POISON = "signal 11"


def run(proxy, payload, srcid="1"):
    return ask(proxy, policy="job", payload=payload, srcid=srcid)


def strikes(server):
    return ctl(server.socket, "strikes")


with Bench() as b:
    proxy = b.proxy()
    sick = os.path.join(FOLDER, "sick")
    server = handlers.server(b, handlers.OBEY, proxy, policy="job", options=["--handler-strikes", 2, "--handler-setting", f"sick={sick}"])
    for n in (1, 2):
        handlers.idle(server, 1)
        got = run(proxy, POISON, srcid=f"client {n}")
        assert got["code"] == "handler-failed" and "unrun" not in got["message"], got
        wait_until(lambda: [s["count"] for s in strikes(server)] == [n], f"strike {n}")
    handlers.idle(server, 1)
    ended = handlers.processes(server)[0]["restarts"]
    strike = strikes(server)[0]
    assert strike["refused"] and strike["last_cause"] == "ended" and strike["srcid"] == "client 2" and strike["age_s"] >= 0, strike
    got = run(proxy, POISON)
    assert got["code"] == "handler-failed" and "not run: this payload has ended 2 job processes" in got["message"], got
    assert run(proxy, "other")["payload"] == "OTHER"
    assert handlers.processes(server)[0]["restarts"] == ended, "it was run"
    assert ctl(server.socket, "status")["jobs"]["struck"] == 1
    status, out, err = ctl_run("-s", server.socket, "strikes")
    assert status == 0 and out.split()[:3] == ["FINGERPRINT", "COUNT", "REFUSED"] and strike["fingerprint"] in out, out
    status, out, err = ctl_run("-s", server.socket, "strikes", "clear", "0123456789abcdef")
    assert status == 1 and "no payload" in err, (status, err)
    assert ctl(server.socket, "strikes", "clear", strike["fingerprint"]) == {"cleared": 1} and strikes(server) == []
    got = run(proxy, POISON)
    assert got["code"] == "handler-failed" and "unrun" not in got["message"], ("it is run again", got)
    wait_until(lambda: [s["count"] for s in strikes(server)] == [1], "a strike again")
    handlers.idle(server, 1)
    # One that ends its handler only while that is sick: answered in between, it begins anew.
    for n in (1, 2):
        open(sick, "w").close()
        assert run(proxy, "weather")["code"] == "handler-failed"
        wait_until(lambda: len(strikes(server)) == 2, "its strike")
        os.remove(sick)
        handlers.idle(server, 1)
        assert run(proxy, "weather")["payload"] == "WEATHER"
        wait_until(lambda: len(strikes(server)) == 1, "its strike is void")
    assert ctl(server.socket, "strikes", "clear") == {"cleared": 1}
