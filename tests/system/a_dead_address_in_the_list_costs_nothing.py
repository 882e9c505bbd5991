"""Of several proxies one that is not there fails no start and no request; only all of them do, each named."""
import time
from lib.bench import SLOW, Bench, client, client_json, correct, ask, ctl, free_port, run, wait_until

with Bench() as b:
    dead, other = free_port(), free_port()
    proxy = b.proxy(workers=1)
    server = b.server("1", "111", f"{dead},{proxy.port},nowhere.invalid:1", workers=1)
    proxy.wait_server("1")
    assert correct(ask(proxy.port))
    wait_until(lambda: "Connection refused" in ctl(server.socket, "status")["proxies"][0]["trouble"], "it is told")
    # Two names of one place are one registration.
    twice = b.server("2", "222", f"127.0.0.1:{proxy.port},localhost:{proxy.port}", workers=1)
    wait_until(lambda: sorted(p["registration"] for p in ctl(twice.socket, "status")["proxies"]) == ["joined", "pausing"], "one of them is joined")
    assert "as another proxy of revproc is" in ctl(twice.socket, "status")["registration_trouble"], ctl(twice.socket, "status")

    begin = time.monotonic()
    status, got = client_json(f"{dead},{proxy.port}", "--policy", "111", "--size", "50", "--count", "50", "--parallel", "5")
    assert status == 0 and got["correct"] == 50 and got["resent"] == 0, got
    assert time.monotonic() - begin < 2 * SLOW
    status, out, err = client(f"nowhere.invalid:1,{proxy.port}", "--policy", "111", "--payload", "x")
    assert status == 0 and "ppool-client: nowhere.invalid: " in err, (out, err)
    assert client(f"nowhere.invalid:1,{proxy.port}", "--policy", "111", "--payload", "x", "--quiet")[::2] == (0, "")

    status, out, err = client(f"{dead},{other}", "--policy", "111", "--payload", "x", "--quiet")
    assert status == 3 and err == "".join(f"ppool-client: 127.0.0.1:{p}: Connection refused\n" for p in (dead, other)), err
    status, out, err = client("nowhere.invalid:1,nowhere2.invalid:1", "--policy", "111", "--payload", "x")
    assert status == 3 and "nowhere.invalid: " in err and "nowhere2.invalid: " in err, err

    for argv, why in ((["-revproc", "2100", "-revproc", "127.0.0.1:2100"], "it is there twice"), (["-revproc", "a:1,,b:1"], "an item is empty"),
                      (["-revproc", "a:1,b"], "port"), (["-revproc", "1", "--order", "best"], "none of listed, random"),
                      (["-revproc", ",".join(str(i + 1) for i in range(17))], "more than 16")):
        status, out, err = run("ppool-client", *argv, "--policy", "111", "--payload", "x")
        assert status == 2 and why in err, (argv, err)
    status, out, err = run("ppool-server", "-id", "9", "-pp", "1", "-listen", str(other), "-revproc", f"{proxy.port},127.0.0.1:{other}", "-t")
    assert status != 0 and "it is where this server listens" in err, err
    status, out, err = run("ppool-server", "-id", "9", "-pp", "1", "-listen", "0", "-revproc", "2100", "-revproc", "a:2100,unix:/x", "-T")
    assert status == 0 and 'revproc = { "2100", "a:2100", "unix:/x" }' in out, (out, err)
