import socket
import threading
from lib.bench import Bench, still_serves
from lib.signed import Key, write


class Relay(threading.Thread):
    """Passes everything on to the proxy, from an address of its own."""

    def __init__(self, proxy):
        super().__init__(daemon=True)
        self.proxy = proxy
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def copy(self, a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def run(self):
        while True:
            inner, _ = self.listener.accept()
            outer = socket.create_connection(("127.0.0.1", self.proxy.port), source_address=("127.0.0.9", 0))
            for pair in ((inner, outer), (outer, inner)):
                threading.Thread(target=self.copy, args=pair, daemon=True).start()


alpha = Key("alpha")
with Bench() as b:
    key_file = write(b, "key", f"secret {alpha.secret.hex()}\n")
    proxy = b.proxy(options=["--keyring", write(b, "ring", alpha.stanza()), "--require-signature"])
    relay = Relay(proxy)
    server = b.server("100", "111", relay.port, options=["--key-file", key_file, "--key-id", "alpha"], wait=False)
    # It joins, at the address that it signed, not where it seemed to come from.
    proxy.wait_server("100", addr=f"127.0.0.1:{server.port}")
    still_serves(proxy)
    # A relay outside the key's networks is refused.
    narrow = b.proxy(options=["--keyring", write(b, "narrow", alpha.stanza("networks 127.0.0.1/32"))])
    other = b.server("101", "111", Relay(narrow).port, options=["--key-file", key_file, "--key-id", "alpha"], wait=False)
    other.wait_for("refused: denied")
    narrow.wait_for("why=.the key is not for the network that it came from")
