"""Where log and narration go to one terminal the sentence stands alone; warnings are logged there too, and a log in a file has all."""
import os
import pty
import subprocess
from lib import needs
from lib.bench import FOLDER, PROGRAMS, WRAP, Bench, ctl_run, free_port, wait_until

needs.need_pty()


class OnTerminal:
    def __init__(self, b, program, *options, stderr=None):
        self.reader, writer = pty.openpty()
        self.process = subprocess.Popen([*WRAP, f"{PROGRAMS}/{program}", "--runtime-dir", b.runtime, "--workers", "1", *map(str, options)],
                                        stdin=subprocess.DEVNULL, stdout=writer, stderr=writer if stderr is None else stderr)
        os.close(writer)
        os.set_blocking(self.reader, False)
        self.text = ""

    def has(self, words):
        def look():
            try:
                self.text += os.read(self.reader, 65536).decode()
            except OSError:  # nothing yet, or the last of its processes has gone
                pass
            return words in self.text
        wait_until(look, f"{words!r} in {self.text!r}")

    def stop(self):
        self.process.terminate()
        assert self.process.wait(30) == 0


with Bench() as b:
    port = free_port()
    proxy = OnTerminal(b, "ppool-proxy", "-port", port)
    proxy.has(f"Proxy running on port {port}")
    server = OnTerminal(b, "ppool-server", "-id", "1", "-pp", "111", "-listen", "0", "-revproc", port)
    server.has("Server running with id 1")
    server.has("registered with the proxy at")
    proxy.has("Setup message from server id 1, policy 111")
    server.stop()
    proxy.has("Server id 1 left, policy 111")
    assert ctl_run("--runtime-dir", b.runtime, "reload")[0] == 0
    proxy.has('msg="reloaded"')  # which nobody narrates
    proxy.stop()
    for line in ("serving", "server joined", "server left"):
        assert f'msg="{line}"' not in proxy.text, proxy.text
    for line in ("serving", "registered with the proxy"):
        assert f'msg="{line}"' not in server.text, server.text
    log = os.path.join(FOLDER, "log")
    proxy = OnTerminal(b, "ppool-proxy", "-port", port, "--log", log)
    proxy.has(f"Proxy running on port {port}")
    proxy.stop()
    with open(log) as f:
        assert 'msg="serving"' in f.read()
