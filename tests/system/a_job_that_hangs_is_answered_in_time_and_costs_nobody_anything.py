"""A job that takes longer than job_timeout is answered at that time, and its process is ended, whether it ignores signals or has
children; others are served meanwhile; the third of its kind is not run any more."""
import time
from lib import handlers
from lib.bench import Bench, Peer, ask, client_json, request, wait_until

BODY = """
if text == "hang":
    signal.signal(signal.SIGABRT, signal.SIG_IGN)
    os.fork()
    while True:
        time.sleep(1)
answer(job, payload=text.upper())
"""

with Bench() as b:
    proxy = b.proxy(options=("--queue-timeout", "5m"))
    server = handlers.server(b, BODY, proxy, processes=2, options=("--job-timeout", "1s", "--handler-grace", "100ms"))
    for i in 1, 2:
        with Peer(proxy) as sick:
            begin = time.monotonic()
            sick.send(request(payload="hang", srcid=f"sick{i}"))
            others = 0
            while others < 20:
                assert ask(proxy, payload="others")["payload"] == "OTHERS"
                others += 1
            reply = sick.read()
            took = time.monotonic() - begin
        assert reply["code"] == "handler-timeout" and "job_timeout (1000 ms)" in reply["message"], reply
        assert took >= 0.99, took
        wait_until(lambda: server.output.count(f"cause=timeout srcid=sick{i} exit=") == 1, "its process is ended")
    reply = wait_until(lambda: (r := ask(proxy, payload="hang", srcid="sick3")) and "not run: this payload" in r["message"] and r, "it is struck out")
    assert reply["code"] == "handler-failed", reply
    assert ask(proxy, payload="well")["payload"] == "WELL"
    causes = wait_until(lambda: "sick3" in (told := handlers.failed(server)) and told, "each is told")
    assert causes["sick1"] == causes["sick2"] == "timeout" and causes["sick3"] == "struck", causes
