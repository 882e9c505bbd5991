"""Signed registrations as policypool(7) has them, written again from the manual."""
import hashlib
import hmac
import json
import os
import secrets

from lib.bench import Peer

FIELDS = ("host", "port", "ack", "keepalive", "tls", "pipeline", "slots", "weight", "lease",
          "jobtimeout", "job", "repeat", "backup", "epoch", "salt")


def lengths(*texts):
    return b"".join(len(t).to_bytes(4, "big") + t for t in (str(t).encode() for t in texts))


def hkdf(secret, info):
    prk = hmac.new(b"\0" * 32, secret, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\1", hashlib.sha256).digest()


def server_key(secret, keyid, id):
    return hkdf(secret, lengths("policypool server key 1", keyid, id))


def request_mac(key, cluster, packet, nonce):
    port = packet.get("listenport")
    known = dict(packet, port=None if str(port) == "0" else port)  # a Unix socket has none
    pairs = [("cluster", cluster), ("verb", "register" if packet["type"] == "1" else "deregister"),
             ("keyid", packet["keyid"]), ("id", packet["id"]), ("policy", packet["privPolyId"]),
             *[(f, known.get(f)) for f in FIELDS], ("nonce", nonce)]
    message = lengths("policypool registration 1", *[t for name, value in pairs if value for t in (name, value)])
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def ack_mac(key, request, verb, nonce):
    message = lengths("policypool acknowledgement 1", "request", request, "verb", verb, "nonce", nonce)
    return hmac.new(key, message, hashlib.sha256).hexdigest()


class Key:
    """A named key; its secret is made up."""

    def __init__(self, name="alpha", secret=None):
        self.name = name
        self.secret = secret or secrets.token_bytes(32)

    def server(self, id):
        return server_key(self.secret, self.name, id)

    def stanza(self, *lines, state="use", until=""):
        return "\n\t".join([f"key {self.name}", f"secret {state} {self.secret.hex()} {until}", *lines]) + "\n"


def write(bench, name, text):
    """A file that only its owner reads; replaced as a whole."""
    path = bench.file(name + ".new", text)
    os.chmod(path, 0o600)
    os.rename(path, path[:-4])
    return path[:-4]


class Announcer(Peer):
    """A server's connection to a proxy, which signs whatever it is told to."""

    def __init__(self, proxy, key, id="100", policy="111", port=2105, host="127.0.0.1", epoch=1, cluster="policypool"):
        super().__init__(proxy)
        self.key, self.cluster = key, cluster
        self.base = {"id": id, "privPolyId": policy, "keyid": key.name, "epoch": epoch}
        self.place = {"listenport": port, "host": host, "ack": 1, "lease": 30}
        self.nonce = None

    def packet(self, type="1", **changes):
        return {"type": type, **self.base, **(self.place if type == "1" else {}), **changes}

    def challenge(self, **changes):
        got = self.ask(json.dumps(self.packet(**changes)).encode())
        assert got.get("verb") == "challenge" and len(got["nonce"]) == 32 and "mac" not in got, got
        self.nonce = got["nonce"]
        return self.nonce

    def signed(self, type="1", key=None, **changes):
        packet = self.packet(type, salt=secrets.token_hex(16), **changes)
        key = key or self.key.server(packet["id"])
        packet["mac"] = request_mac(key, self.cluster, packet, self.nonce)
        return packet

    def say(self, packet):
        """The answer; its signature is checked where it has one."""
        got = self.ask(json.dumps(packet).encode())
        if "mac" in got:
            key = self.key.server(packet["id"])
            assert got["mac"] == ack_mac(key, packet["mac"], got["verb"], got["nonce"]), got
            self.nonce = got["nonce"]
        return got

    def join(self, **changes):
        self.challenge()
        return self.say(self.signed(**changes))
