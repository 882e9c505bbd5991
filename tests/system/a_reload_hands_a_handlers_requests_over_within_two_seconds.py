"""Once a reload is done, what is asked goes to the new handler soon, however long stop_timeout is and although the connections from the
proxy never pause; nothing is lost on the way."""
import threading
import time
from lib import handlers
from lib.bench import SLOW, Bench, ask, ctl, wait_until

SOON = 2 * SLOW  # seconds after the reload

with Bench() as b:
    proxy = b.proxy(workers=1, options=["--narrate", "no"])
    command = f'"python3", "{handlers.python("answer(job, payload=sys.argv[1])")}"'
    settings = 'handler = exec\njob = version\nhandler_processes = 2\nstop_timeout = 60s\nhandler_command = {{{}, "{}"}}\n'
    path = b.file("server.conf", settings.format(command, "old"))
    server = b.server("1", "111", proxy, workers=2, options=["-c", path, "--narrate", "no"])
    stop, got = threading.Event(), []

    def keep_asking():
        while not stop.is_set() and len(got) < 200000:
            begun = time.monotonic()
            reply = ask(proxy, payload="which")
            got.append((begun, reply["type"], reply["payload"]))

    clients = [threading.Thread(target=keep_asking) for _ in range(3)]
    for c in clients:
        c.start()
    try:
        wait_until(lambda: got, "it is under load")
        b.file("server.conf", settings.format(command, "new"))
        ctl(server.socket, "reload")
        done = time.monotonic()
        stop.wait(SOON + 1)
    finally:
        stop.set()
        for c in clients:
            c.join()
    assert all(kind == "2" for _, kind, _ in got), [g for g in got if g[1] != "2"][:3]
    late = sorted((begun - done, text) for begun, _, text in got if begun > done + SOON and text != "new")
    assert not late, (len(late), late[-1])
    assert [g for g in got if g[0] > done + SOON] and any(text == "old" for _, _, text in got)
