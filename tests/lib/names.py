"""Names of a scenario's own: hosts, resolv.conf and nsswitch.conf in place of the machine's, for the programs that it starts there.
That takes a mount namespace, which needs root."""
import subprocess
import sys

from lib import needs

ENTER = """
import os, socket, subprocess, sys
folder, deaf, *argv = sys.argv[1:]
subprocess.run(["mount", "--make-rprivate", "/"], check=True)
for name in ("hosts", "resolv.conf", "nsswitch.conf"):
    subprocess.run(["mount", "--bind", f"{folder}/{name}", os.path.realpath(f"/etc/{name}")], check=True)
if deaf == "deaf":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 53))
    s.set_inheritable(True)
os.execv(argv[0], argv)
"""


def need():
    needs.need_network_namespaces()
    tried = subprocess.run(["unshare", "--mount", "mount", "--make-rprivate", "/"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        needs.skip(f"no mount namespaces: {tried.stderr.strip()}")


class Names:
    """Nobody has a name at first; the name server is one that refuses."""

    def __init__(self, folder):
        self.folder = folder
        self.write("nsswitch.conf", "hosts: files dns\n")
        self.server("options timeout:1 attempts:1\n")
        self.hosts()

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w") as f:  # in its place: it is mounted
            f.write(text)

    def hosts(self, *lines):
        self.write("hosts", "".join(line + "\n" for line in lines))

    def server(self, options):
        self.write("resolv.conf", f"nameserver 127.0.0.1\n{options}")

    def within(self, deaf=False):
        """What runs a program with these names.  deaf: on a loopback of its own, with a name server that hears and never answers."""
        return ["unshare", "-mn" if deaf else "-m", sys.executable, "-c", ENTER, self.folder, "deaf" if deaf else "files"]
