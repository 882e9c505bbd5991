"""A program in any language does a server's job: text comes back as it is, escapes and all; bytes in base64; an error of the
handler is the client's error."""
from lib import handlers
from lib.bench import Bench, ask, ctl

BODY = """
if text == "bad":
    answer(job, error="no such card")
elif "encoding" in job:
    answer(job, payload=text, encoding="base64")
else:
    answer(job, payload=text.upper())
"""
SH = """
while read -r line; do
    n=${line#*:}
    echo "{\\"job\\":${n%%,*},\\"payload\\":\\"sh\\"}"
done
"""

with Bench() as b:
    proxy = b.proxy()
    server = handlers.server(b, BODY, proxy, processes=2, options=("--job", "upper"))
    for text in "hello", "", "é\n\"\\\u20ac\U0001f600\0", "x" * 100_000:
        reply = ask(proxy, payload=text, srcid="c1")
        assert (reply["type"], reply["destid"], reply["payload"]) == ("2", "c1", text.upper()), reply
        assert reply["payloadsize"] == len(text.upper().encode()), reply
    reply = ask(proxy, payload="AP8=", encoding="base64")
    assert (reply["payload"], reply["encoding"]) == ("AP8=", "base64"), reply
    reply = ask(proxy, payload="YWJ", encoding="base64")
    assert reply["type"] == "3" and reply["code"] == "bad-payload", reply
    reply = ask(proxy, payload="bad")
    assert (reply["code"], reply["message"]) == ("handler-failed", "handler: no such card"), reply
    assert proxy.servers()["100"]["job"] == "upper", proxy.servers()
    assert proxy.servers()["100"]["slots"] == 2 * len(ctl(server.socket, "handlers")), "one job in hand of a process, and one that waits"
    assert "bad" not in handlers.failed(server)

    sh = b.server("200", "222", proxy, options=("--handler", "exec", "--handler-command", f"sh,{b.file('h.sh', SH)}"))
    assert ask(proxy, payload="abc", policy="222")["payload"] == "sh"
    assert ctl(sh.socket, "handlers"), "its processes are shown"
