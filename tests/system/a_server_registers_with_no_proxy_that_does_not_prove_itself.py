import json
import socket
import threading
from lib.bench import Bench, ctl, wait_until
from lib.signed import Key, write

# What a rogue proxy might say to a signed announcement: nothing signed, nothing right.
NONCE = "00112233445566778899aabbccddeeff"
ANSWERS = {
    "plain": [{"verb": "registered"}],
    "no proof": [{"verb": "challenge", "nonce": NONCE}, {"verb": "registered", "nonce": NONCE}],
    "a wrong proof": [{"verb": "challenge", "nonce": NONCE}, {"verb": "registered", "nonce": NONCE, "mac": "0" * 64}],
    "one challenge after another": [{"verb": "challenge", "nonce": NONCE}] * 2,
}


class Rogue(threading.Thread):
    def __init__(self, answers):
        super().__init__(daemon=True)
        self.answers = answers
        self.seen = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                with self.listener.accept()[0] as c, c.makefile("rw") as f:
                    for answer in self.answers:
                        packet = json.loads(f.readline())
                        self.seen.append(packet)
                        print(json.dumps({"type": "4", "srcid": "rogue", "destid": packet["id"], **answer}), file=f, flush=True)
                    f.readline()
            except (OSError, ValueError):
                pass


with Bench() as b:
    key_file = write(b, "key", f"secret {Key().secret.hex()}\n")
    for what, answers in ANSWERS.items():
        rogue = Rogue(answers)
        server = b.server(what.replace(" ", "-"), "111", rogue.port, wait=False,
                          options=["--key-file", key_file, "--key-id", "alpha", "--retry-max", "300ms"])
        server.wait_for("not registered with the proxy.*why=.the proxy (did not prove|answers no challenge)")
        wait_until(lambda: len(rogue.seen) > len(answers), f"{what}: another try")
        status = ctl(server.socket, "status")
        assert status["registration"] != "joined" and status["registration_trouble"].startswith("the proxy "), status
        assert f"Server {server.id}: registered" not in server.output, server.output
        salts = [p["salt"] for p in rogue.seen if "mac" in p]
        assert len(salts) == len(set(salts)), "a salt was used twice"
        assert server.stop() == 0
