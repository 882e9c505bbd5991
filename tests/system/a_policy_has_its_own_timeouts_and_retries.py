"""What a section gives holds for its policy alone, and a reload puts added, changed and removed sections in force."""
import signal
import threading
from lib import plain
from lib.bench import Bench, ask, correct, ctl, run, wait_until


over = threading.Event()


def silent(server, c, r):
    over.wait(150)


with Bench() as b:
    path = b.file("proxy.conf", 'reply_timeout = 50m\nrequest_timeout = 1h\n'
                                'policy "111" { reply_timeout = 200ms  retries = 0 }\npolicy "222" { reply_timeout = 50s }\n')
    proxy = b.proxy(workers=1, options=["-c", path, "--eject-after", "0", "--narrate", "no"])
    mute = plain.Server(proxy.port, id="1", policy="111", behave=silent)
    proxy.wait_server("1")
    got = ask(proxy)
    assert got["code"] == "timeout" and "server 1" in got["message"], got
    assert len([r for r in mute.requests if not plain.is_probe(r)]) == 1, "it was not tried again"

    def reload(text):
        before = ctl(proxy.socket, "status")["generation"]
        b.file("proxy.conf", text)
        proxy.send_signal(signal.SIGHUP)
        wait_until(lambda: ctl(proxy.socket, "status")["generation"] > before, "the reload")

    # Changed, removed and added.
    reload('reply_timeout = 250ms\nretries = 0\npolicy "111" { request_timeout = 100ms reply_timeout = 1h }\n'
           'policy "333" { balance = leastconn }\n')
    # The former worker accepts for a moment more.
    wait_until(lambda: "request_timeout is 100ms" in ask(proxy).get("message", ""), "the policy's request_timeout")
    mute.behave = None
    over.set()
    wait_until(lambda: correct(ask(proxy)), "an answer")
    b.server("3", "333", proxy)
    told = {p["policy"]: p["balance"] for p in ctl(proxy.socket, "policies")}
    assert told == {"111": "roundrobin", "333": "leastconn"}, told

    # A section that is wrong leaves all as it was.
    b.file("proxy.conf", 'policy "111" { reply_timeout = soon }\npolicy "111" { listen = 1 }\n')
    status, out, err = run("ppool-proxy", "-c", path, "-t")
    assert status == 2 and f"{path}:1: reply_timeout" in err and f'{path}:2: policy "111": given already in {path}:1' in err, err
    proxy.send_signal(signal.SIGHUP)
    proxy.wait_for("not reloaded")
    assert correct(ask(proxy))
    mute.stop()
