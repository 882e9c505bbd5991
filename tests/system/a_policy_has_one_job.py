"""The first server of a policy decides which job it does, or the proxy's settings do; another job is refused with both named, and may
come when all have left.  It outlasts restart and upgrade, is shown, and is the limit of a key; a job's time over reply_timeout is warned of."""
from lib import pooled, signed
from lib.bench import Bench, ctl, ctl_run, wait_until
import json
import socket
import urllib.request


def announce(proxy, id, policy="111", port=9, **also):
    with socket.create_connection(("127.0.0.1", proxy.port)) as s:
        s.sendall(json.dumps({"type": "1", "id": id, "privPolyId": policy, "listenport": port, "ack": "1", **also}).encode())
        return json.loads(s.makefile().readline())


def refused(got, message):
    assert got["code"] == "denied" and got["message"] == message, got


def shown(proxy, id="1"):
    s = proxy.servers()[id]
    return {key: s[key] for key in ("policy", "job", "repeat", "job_timeout_s")}


with Bench(busy="the announced ports are nobody's") as b:
    key = signed.Key()
    ring = signed.write(b, "ring", key.stanza("jobs red*"))
    path = b.file("proxy.conf", 'policy "333" { job = sha256 }\n')
    options = ["-c", path, "--keyring", ring, "--state-file", b.file("state", ""), "--narrate", "no", "--admin", "0"]
    proxy = b.proxy(options=options)
    redact = pooled.Server(proxy, id="1", also={"job": "redact", "repeat": "0", "jobtimeout": "60000"})
    proxy.wait_for("level=warn .*job_timeout is longer than reply_timeout.* id=1 policy=111 job_timeout_ms=60000 reply_timeout_ms=10000")
    proxy.wait_for("server joined.* id=1 .* job=redact")
    slow = b.server("8", "888", proxy, options=["--narrate", "no", "--handler", "exec-once", "--handler-command", "/bin/cat", "--job-timeout", "20s"])
    slow.wait_for(r'level=warn .*job_timeout is longer than the proxy waits for a reply.* id=8 job_timeout_ms=20000 reply_timeout_ms=10000')
    slow.stop()
    wanted = {"policy": "111", "job": "redact", "repeat": False, "job_timeout_s": 60.0}
    assert shown(proxy) == wanted, proxy.servers()
    assert next(p for p in ctl(proxy.socket, "policies") if p["policy"] == "111")["job"] == "redact"
    table = ctl_run("-s", proxy.socket, "servers")[1].splitlines()
    assert " JOB " in table[0] and " redact " in table[1], table
    page = proxy.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{page}/metrics") as metrics:
        assert 'policypool_server_info{policy="111",server="1",job="redact",' in metrics.read().decode()

    # Another job, and the plain one that is not announced.
    refused(announce(proxy, "2"), "its job is sha1: the job of policy 111 is redact, as of server 1")
    refused(announce(proxy, "2", job="upper"), "its job is upper: the job of policy 111 is redact, as of server 1")
    refused(announce(proxy, "2", policy="333"), "its job is sha1: job is set to sha256 for policy 333")
    proxy.wait_for("registration refused.*code=denied why=.its job is upper: the job of policy 111 is redact, as of server 1")
    assert any("its job is upper" in (e["why"] or "") for e in ctl(proxy.socket, "events")), "no event"
    assert announce(proxy, "2", job="x" * 65)["message"] == "job is 65 bytes long: it may have 64"
    assert announce(proxy, "2", job='a"b')["code"] == announce(proxy, "2", job=[])["code"] == "bad-message"
    assert announce(proxy, "2", jobtimeout="soon")["code"] == announce(proxy, "2", repeat="never")["code"] == "bad-message"
    assert announce(proxy, "3", policy="333", job="sha256")["verb"] == "registered"
    assert announce(proxy, "4", policy="444", job="sha1")["verb"] == "registered"
    assert announce(proxy, "5", policy="444", port=10)["verb"] == "registered", "sha1 is what is done where nothing is announced"

    # A key that is for some jobs.
    host = signed.Announcer(proxy, key, id="6", policy="666", port=9)
    host.place["job"] = "upper"
    got = host.join()
    assert got["code"] == "denied" and got["message"] == "this registration is not accepted", got
    proxy.wait_for("the key is not for this job")
    host = signed.Announcer(proxy, key, id="6", policy="666", port=9)
    host.place.update(job="redact", repeat="0", jobtimeout="5000")
    assert host.join()["verb"] == "registered", "signed with its job"

    # It is kept by a successor, and by a restart.
    proxy.upgrade()
    assert shown(proxy) == wanted, proxy.servers()
    refused(announce(proxy, "2"), "its job is sha1: the job of policy 111 is redact, as of server 1")
    proxy.stop()
    b.started.remove(proxy)
    proxy = b.proxy(port=proxy.port, options=options)
    assert shown(proxy) == wanted, proxy.servers()

    # All have left: it is free again.
    assert ctl_run("-s", proxy.socket, "remove", "1")[0] == 0
    assert announce(proxy, "2", job="upper")["verb"] == "registered"
    assert announce(proxy, "2", job="lower")["verb"] == "registered", "it alone is there, and may change"

    # Set by a reload: those that do otherwise leave.
    b.file("proxy.conf", "job = sha1\n")
    assert ctl_run("-s", proxy.socket, "reload")[0] == 0
    wait_until(lambda: set(proxy.servers()) == {"4", "5"}, "those with another job leave")
    proxy.wait_for("server taken out.* id=2 .*its job is not the one that is set for its policy")
    refused(announce(proxy, "2", job="lower"), "its job is lower: job is set to sha1 for policy 111")
    redact.stop()
