"""Through a proxy: a module's replies, its settings, bytes as base64, and what it logs; the worker has no filter's trouble with it,
and what it must not call ends its process alone, with the call's name in the log."""
# Not under valgrind: it keeps descriptors to itself, and a runner of modules cannot be limited to fewer.
import base64
from lib.bench import SLOW, Bench, client, wait_until
from lib.job_options import answer, module_options

with Bench() as b:
    proxy = b.proxy()
    upper = b.server("1", "upper", proxy, options=module_options("upper", handler_setting="prefix=>"))
    sick = b.server("2", "sick", proxy, options=module_options("sick", handler_strikes=0))
    assert answer(proxy, "h\u00e9llo \U0001f600\0\n", "upper") == ">H\u00e9LLO \U0001f600\0\n"
    assert answer(proxy, "", "upper") == ">"
    sent = base64.b64encode(b"\xffab\0").decode()
    assert base64.b64decode(answer(proxy, sent, "upper", encoding="base64")) == b">\xffAB\0"
    assert answer(proxy, "no base64", "upper", encoding="base64").startswith("bad-payload"), answer(proxy, "no base64", "upper", encoding="base64")
    status, out, err = client(proxy, "--policy", "upper", "--payload", "x" * 1000, "--expect", "none", "--count", "2000", "--parallel", "8")
    assert status == 0, (out, err)

    for payload, said in (("refuse", 'handler-failed: handler: it will not "do" this'), ("fail", "handler-failed: handler: the disk is gone"),
                          ("latin", "handler-failed: handler: its reply is no UTF-8"), ("huge", "handler_max_reply"), ("null", "bytes at NULL")):
        assert said in answer(proxy, payload, "sick"), (payload, answer(proxy, payload, "sick"))
    assert answer(proxy, "print", "sick") == "printed"
    sick.wait_for("not an answer")
    sick.wait_for("level=error .*the disk is gone")
    assert answer(proxy, "work", "sick") == "0 9999"
    assert base64.b64decode(answer(proxy, "binary", "sick")) == b"\xff\0\n"
    # Under a sanitizer nothing is filtered: no line would come.
    for payload, call in (("socket", "socket"), ("open", "openat"), ("fork", "clone"), ("code", "mmap")) if SLOW == 1 else ():
        assert answer(proxy, payload, "sick").startswith("handler-failed"), answer(proxy, payload, "sick")
        sick.wait_for(f"a system call that is not allowed here: {call}: see handler_seccomp")
        wait_until(lambda: answer(proxy, "work", "sick") == "0 9999", "a process that serves")
