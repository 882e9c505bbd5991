"""Programs in terminals."""
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from lib.bench import wait_until


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, argv, columns, lines, env=None):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=env)
        self.slave = slave
        self.output = ""
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            try:
                self.output += os.read(self.master, 65536).decode()
            except OSError:
                return

    def wait_for(self, pattern):
        return wait_until(lambda: re.search(pattern, self.output), f"{pattern} in {self.output!r}")

    def ended(self):
        """Its status, and all that it has shown as lines without colours."""
        status = self.process.wait(60)
        os.close(self.slave)
        self.reader.join(60)
        return status, re.sub(r"\x1b\[[0-9;]*m", "", self.output).replace("\r", "").splitlines()
