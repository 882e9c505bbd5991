"""The order says whether the log could be opened; if not, the old file is written to on."""
import os
from lib.bench import FOLDER, Bench, ask, correct, ctl_run

with Bench() as b:
    folder, away = os.path.join(FOLDER, "logs"), os.path.join(FOLDER, "away")
    os.mkdir(folder)
    b.file("p.conf", "")
    proxy = b.proxy(options=["-c", "p.conf"])
    b.file("p.conf", f'log = "{folder}/p.log"\n')
    assert ctl_run("-s", proxy.socket, "reload")[0] == 0
    os.rename(folder, away)
    status, out, err = ctl_run("-s", proxy.socket, "reopen")
    assert status == 1 and "reopen: the log cannot be opened: No such file" in err, (status, out, err)
    with open(f"{away}/p.log") as f:
        assert "cannot reopen the log" in f.read()
    os.mkdir(folder)
    assert ctl_run("-s", proxy.socket, "reopen")[0] == 0
    ask(proxy)
    with open(f"{folder}/p.log") as f:
        assert "order carried out" in f.read()
