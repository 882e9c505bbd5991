"""In front a daemon narrates where its standard output is a terminal, and logs alone where it is a pipe; yes and no say otherwise."""
import os
import pty
import subprocess
from lib.bench import PROGRAMS, Bench, free_port
from lib.needs import need_pty

need_pty()


def output(b, terminal, *options):
    """What is there once it serves."""
    reader, writer = pty.openpty() if terminal else os.pipe()
    port = free_port()
    proxy = subprocess.Popen([f"{PROGRAMS}/ppool-proxy", "-port", str(port), "--runtime-dir", b.runtime, "--workers", "1", *options],
                             stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE)
    text = b""
    while b'msg="serving"' not in text:
        assert (more := os.read(proxy.stderr.fileno(), 65536)), text
        text += more
    proxy.terminate()
    assert proxy.wait(20) == 0
    os.set_blocking(reader, False)
    os.close(writer)
    proxy.stderr.close()
    try:
        return os.read(reader, 65536).decode()
    except OSError:  # a terminal that nobody has
        return ""


with Bench() as b:
    assert "Proxy running on port" in output(b, True)
    assert output(b, False) == ""
    assert "Proxy running on port" in output(b, False, "--narrate", "yes")
    assert output(b, True, "--narrate", "no") == ""
