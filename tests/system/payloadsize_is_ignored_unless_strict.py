from lib.bench import Bench, ask, correct, request

WRONG = (5, "5", "x", -1, None, 7.5)

with Bench() as b:
    proxy = b.proxy()
    b.server("1", "loose", proxy)
    b.server("2", "strict", proxy, options=["--strict-payloadsize"])
    strict_proxy = b.proxy(options=["--strict-payloadsize"])
    b.server("3", "loose", strict_proxy)
    for wrong in WRONG:
        assert correct(ask(proxy, policy="loose", payload="né", payloadsize=wrong), "né")
        for port, policy in ((proxy, "strict"), (strict_proxy, "loose")):
            got = ask(port, policy=policy, payload="né", payloadsize=wrong)
            assert got["code"] == "bad-message" and "payloadsize" in got["message"], (wrong, got)
    for right in (3, "3"):
        assert correct(ask(proxy, policy="strict", payload="né", payloadsize=right), "né")
        assert correct(ask(strict_proxy, policy="loose", payload="né", payloadsize=right), "né")
    assert correct(ask(strict_proxy, policy="loose", payload="né"), "né"), "it may be left out"
