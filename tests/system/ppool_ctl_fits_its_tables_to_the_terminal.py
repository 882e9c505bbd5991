"""On a terminal a table has the columns that fit, the important ones first, and colour unless NO_COLOR is set; a pipe gets all columns,
and no colour."""
import os
from lib.bench import PROGRAMS, Bench, ask, ctl, ctl_run
from lib.needs import need_pty
from lib.terminal import Terminal

need_pty()

with Bench() as b:
    proxy = b.proxy()
    for id in ("100", "300", "edge-berlin-1"):
        b.server(id, "111", proxy)
    b.server("200", "222", proxy)
    for _ in range(6):
        ask(proxy)
    assert ctl_run("-s", proxy.socket, "drain", "300")[0] == 0
    every = list(ctl(proxy.socket, "servers")[0])

    def shown(columns, *words, env=None):
        terminal = Terminal([f"{PROGRAMS}/ppool-ctl", "-s", proxy.socket, *words], columns, 24, env=dict(os.environ, TERM="xterm", **(env or {})))
        status, lines = terminal.ended()
        assert status == 0, lines
        return terminal.output, lines

    for columns in (40, 80, 120, 250):
        for verb in ("servers", "policies", "workers", "events"):
            _, lines = shown(columns, verb)
            assert max(map(len, lines)) <= columns, (columns, verb, lines)
    output, lines = shown(80, "servers")
    assert {"ID", "POLICY", "ADDR", "STATE", "SERVED", "REASON"} <= set(lines[0].split()), lines
    assert any(line.split()[0] == "300" and line.endswith("an operator's order") for line in lines), lines
    assert lines[-1].endswith("more columns: --wide, or -o COLUMNS)"), lines
    assert "\033[33mdraining\033[0m" in output and "\033[32mup\033[0m" in output, output
    assert "\033" not in shown(80, "servers", env={"NO_COLOR": "1"})[0]
    assert "\033" not in shown(80, "servers", "--color", "never")[0]
    _, lines = shown(80, "servers", "--wide")
    assert len(lines[0].split()) == len(every) and len(lines) == 5, lines
    _, lines = shown(20, "servers", "-o", "id,addr,job,reason")
    assert lines[0].split() == ["ID", "ADDR", "JOB", "REASON"], lines

    status, out, err = ctl_run("-s", proxy.socket, "servers")
    assert status == 0 and "\033" not in out and len(out.splitlines()[0].split()) == len(every), out
    status, out, err = ctl_run("-s", proxy.socket, "servers", "--color", "always")
    assert "\033[32mup\033[0m" in out, out
    status, out, err = ctl_run("-s", proxy.socket, "servers", "--color", "red")
    assert status == 2 and "--color: auto, always or never" in err, err
