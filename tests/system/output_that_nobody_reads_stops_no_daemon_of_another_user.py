"""Standard output and error are a pipe, a socket, a FIFO, a terminal of root's, and the daemon is nobody's: it can't open them anew.
Readers do not read: requests go on, orders are obeyed, what is lost is counted, and told when somebody reads again."""
import os
import pty
import re
import socket
from lib import silent
from lib.bench import FOLDER, PROGRAMS, Bench, ctl_run, for_anybody, free_port, wait_until
from lib.needs import need_pty, need_root

need_root()  # to start a daemon as another user
need_pty()


def a_pipe():
    return os.pipe()


def a_socket():
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


def a_fifo():
    path = os.path.join(FOLDER, "fifo")
    os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK), os.open(path, os.O_WRONLY)


def a_terminal():
    master, slave = pty.openpty()
    os.fchmod(slave, 0o600)
    return master, slave


os.chmod(FOLDER, 0o755)
with Bench() as b:
    for make in (a_pipe, a_socket, a_fifo, a_terminal):
        for user in (silent.NOBODY, None):
            if make is a_fifo and user is None:
                os.unlink(os.path.join(FOLDER, "fifo"))
            reader, writer = make()
            runtime = silent.folder_of(user, f"{make.__name__}-{user}")
            port = free_port()
            proxy = silent.start([for_anybody("ppool-proxy"), "-port", port, "--runtime-dir", runtime, "--workers", 2, "--narrate", "yes",
                                  "--access-log", "all"], user, stdout=writer, stderr=writer)
            os.close(writer)
            path = silent.up(f"{runtime}/ppool-proxy-{port}.sock", proxy)
            server = b.server("1", "111", port, wait=False)
            wait_until(lambda: "1" in ctl_run("-s", path, "--json", "servers")[1], "the registration")
            silent.answered(port)
            silent.answered(port)
            wait_until(lambda: silent.dropped(path) > 1000, "lines that are counted")
            # Somebody reads again: the count is told, all lines are whole.
            os.set_blocking(reader, False)
            text = b""

            def read():
                global text
                try:
                    text += os.read(reader, 1 << 20)
                except BlockingIOError:
                    pass
                return text.decode(errors="replace")
            wait_until(lambda: ctl_run("-s", path, "scale", "2") and re.search(r" dropped=\d+", read()), "the count in the log")
            if make is not a_terminal:
                for line in silent.whole_lines(text[:text.rindex(b"\n") + 1].decode()):
                    assert re.match(r"time=\S+ |[A-Z][a-z]+ ", line), line
            silent.stops(proxy)
            assert server.stop() == 0
            b.started.remove(server)
            os.close(reader)
