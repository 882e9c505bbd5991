import json
import os
import re
import signal
from lib.bench import FOLDER, PROGRAMS, Bench, Daemon, Peer, wait_until

WHEN = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$")
PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^ "]*)(?: |$)')

with Bench() as b:
    for format in ("logfmt", "json"):
        path = os.path.join(FOLDER, f"log.{format}")
        d = b.keep(Daemon([f"{PROGRAMS}/ppool-proxy", "-port", "0", "--runtime-dir", b.runtime, "--workers", "1", "--log", path,
                           "--log-format", format, "--log-level", "debug"]))
        port = int(d.wait_for(r"Proxy running on port (\d+)")[1])
        with Peer(port) as p:
            p.ask(b'{"type":"0","srcid":"1","privPoliId":"111","payload":7}')
            p.ask(b'{"type":"1","id":"a = \\"b\\"","privPolyId":"x","listenport":"1"}')
            p.send(b'{"type":"1","id":"a b=c","privPolyId":"x y","listenport":"1"}')
        d.wait_for("Setup message from server id a b=c")
        os.rename(path, path + ".1")
        d.send_signal(signal.SIGUSR1)
        wait_until(lambda: os.path.exists(path), "the log opened anew")
        with Peer(port) as p:
            p.ask(b"nonsense")
        wait_until(lambda: "must begin" in open(path).read(), "a line in the new log")
        assert d.stop() == 0
        lines = (open(path + ".1").read() + open(path).read()).splitlines()
        assert len(lines) >= 4, lines
        for line in lines:
            fields = json.loads(line) if format == "json" else dict(PAIR.findall(line))
            if format == "logfmt":
                assert re.fullmatch(rf"(?:{PAIR.pattern})+", line), line
            assert WHEN.match(fields["time"]) and fields["level"] in ("error", "warn", "info", "debug"), line
            assert fields["prog"] == "ppool-proxy" and int(fields["pid"]) > 1 and fields["msg"], line
        assert any("a b=c" in l for l in lines), "the odd id"
        if format == "json":
            joined = [json.loads(l) for l in lines if "server joined" in l]
            assert joined[0]["id"] == "a b=c" and joined[0]["policy"] == "x y", joined
