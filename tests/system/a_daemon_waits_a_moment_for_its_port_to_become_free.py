"""As when it is started again right after it was killed, and a worker of before has not ended yet."""
import socket
from lib.bench import PROGRAMS, Bench, Daemon

with Bench() as b:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    daemon = b.keep(Daemon([f"{PROGRAMS}/ppool-proxy", "-port", str(port), "--runtime-dir", b.runtime]))
    daemon.wait_for("waiting for the address")
    taken.close()
    daemon.wait_for(rf'msg="serving" listen=\S+:{port} ')
