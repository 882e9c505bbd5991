"""Generated registrations, each wrong in one way or another: none is taken, and the pool is unharmed."""
import collections
import json
import os
import random
import secrets
import socket
from lib.bench import SLOW, Bench, ctl, still_serves
from lib.signed import Announcer, Key, write

SEED = int(os.environ.get("POLICYPOOL_SEED", random.randrange(1 << 32)))
CASES = 6000 // SLOW
rng = random.Random(SEED)
alpha, beta, gamma, expired, stranger = map(Key, ("alpha", "beta", "gamma", "expired", "stranger"))
TAKEN = ("registered", "renewed", "deregistered")


def text(packet):
    return json.dumps(packet, separators=(",", ":")).encode()


class Attacker:
    """Has what a listener on the wire has, and keys that are not for this; not the victim's key."""

    def __init__(self, proxy, heard):
        self.proxy, self.heard, self.peers = proxy, heard, {}

    def peer(self, key=alpha):
        if key.name not in self.peers:
            self.peers[key.name] = Announcer(self.proxy, key, id="web-1", policy="111", port=9, epoch=1 << 60)
        peer = self.peers[key.name]
        peer.base.update(keyid=key.name)
        return peer

    def lost(self):
        for peer in self.peers.values():
            peer.close()
        self.peers = {}

    def type(self):
        return rng.choice("115")

    # ---- a case each: the packet to send, and on which connection ----

    def spoofed(self):
        p = self.peer()
        p.challenge()
        return p, text(p.packet(self.type(), salt=secrets.token_hex(16), mac=secrets.token_hex(32)))

    def unsigned(self):
        p = self.peer()
        packet = p.packet(self.type())
        for key in ("keyid", "epoch"):
            packet.pop(key)
        return p, text(packet)

    def replayed(self):
        p = self.peer()
        if rng.random() < 0.5:
            p.challenge()
        return p, text(rng.choice(self.heard))

    def replayed_with_another_salt(self):
        p = self.peer()
        p.challenge()
        return p, text({**rng.choice(self.heard), "salt": secrets.token_hex(16)})

    def truncated(self):
        p = self.peer()
        p.challenge()
        whole = text(rng.choice(self.heard))
        self.lost_after = True
        return p, whole[:rng.randrange(1, len(whole))]

    def reordered(self):
        """Signed well, by a key that may do it, but for a challenge that has passed."""
        p = self.peer(beta)
        p.challenge()
        packet = p.signed(self.type(), id="beta-1")
        p.challenge()
        return p, text(packet)

    def without_challenge(self):
        p = self.peer(beta)
        p.nonce = secrets.token_hex(16)
        return p, text(p.signed(self.type(), id="beta-1"))

    def wrong_key(self):
        p = self.peer(rng.choice((alpha, beta)))
        p.challenge()
        return p, text(p.signed(self.type(), key=stranger.server("web-1"), id="web-1"))

    def key_of_another_server(self):
        p = self.peer(beta)
        p.challenge()
        return p, text(p.signed(self.type(), key=beta.server("beta-2"), id="beta-1"))

    def unknown_key(self):
        p = self.peer(stranger)
        p.challenge()
        return p, text(p.signed(self.type()))

    def expired_key(self):
        p = self.peer(expired)
        p.challenge()
        return p, text(p.signed(self.type(), id="old-1"))

    def another_keys_id(self):
        p = self.peer(gamma)
        p.challenge()
        return p, text(p.signed(self.type(), id=rng.choice(("web-1", "web-2"))))

    def wrong_id(self):
        p = self.peer(beta)
        p.challenge()
        return p, text(p.signed(self.type(), id=rng.choice(("beta", "xbeta-1", "gamma-1", "é"))))

    def wrong_policy(self):
        p = self.peer(beta)
        p.challenge()
        return p, text(p.signed(self.type(), id="beta-1", privPolyId=rng.choice(("222", "11", "1111", "PP_1"))))

    def wrong_network(self):
        p = self.peer(beta)
        p.challenge()
        host = rng.choice(("10.0.0.1", "0.0.0.0", "224.0.0.1", "::1", "255.255.255.255", "::", "::ffff:10.0.0.1"))
        return p, text(p.signed("1", id="beta-1", host=host))

    def the_proxys_own_address(self):
        p = self.peer(beta)
        p.challenge()
        host = rng.choice(("127.0.0.1", "::ffff:127.0.0.1"))
        return p, text(p.signed("1", id="beta-1", host=host, listenport=self.proxy.port))

    def wrong_cluster(self):
        p = self.peer(beta)
        p.challenge()
        cluster, p.cluster = p.cluster, rng.choice(("other", "policypoo", ""))
        packet = p.signed(self.type(), id="beta-1")
        p.cluster = cluster
        return p, text(packet)

    def changed_after_signing(self):
        p = self.peer(beta)
        p.challenge()
        packet = p.signed("1", id="beta-1")
        key, value = rng.choice((("listenport", 10), ("host", "127.0.0.2"), ("lease", 31), ("ack", 0), ("epoch", 2),
                                 ("id", "beta-2"), ("slots", 7), ("keepalive", 1), ("salt", "0" * 32), ("type", "5")))
        return p, text({**packet, key: value})

    def a_byte_changed(self):
        p = self.peer(beta)
        p.challenge()
        whole = bytearray(text(p.signed("1", id="beta-1")))
        at = rng.randrange(1, len(whole) - 1)
        whole[at] ^= 1 << rng.randrange(0, 7)
        if b"privPoliId" in whole:  # the other spelling of the same key: as good as before
            return self.a_byte_changed()
        self.lost_after = True
        return p, bytes(whole)


def answers(peer, packet, cut):
    """All that is answered; after what may have broken the stream, to its end."""
    try:
        peer.send(packet)
        if not cut:
            return [peer.read()]
        peer.end()
        return list(iter(peer.read, None))
    except (ConnectionError, socket.timeout):
        return []


with Bench() as b:
    print("seed", SEED)
    ring = write(b, "ring", alpha.stanza("ids web-*") + expired.stanza(until="until 2020-01-01") +
                 beta.stanza("ids beta-*", "policies 111", "networks 127.0.0.0/8", "count 5") + gamma.stanza())
    proxy = b.proxy(options=["--keyring", ring, "--refusals-per-address", "0", "--require-signature", "--narrate", "no"])
    victim_key = write(b, "key", f"secret {alpha.secret.hex()}\n")
    b.server("web-2", "111", proxy, options=["--key-file", victim_key, "--key-id", "alpha", "--narrate", "no"])
    with Announcer(proxy, alpha, id="web-1", port=b.started[-1].port) as victim:
        heard = []
        victim.place["lease"] = 3600  # an id whose lease has ended is free, and this may take a busy machine a minute
        victim.challenge()
        for _ in range(20):
            heard.append(victim.signed())
            assert victim.say(heard[-1])["verb"] in TAKEN
        before = {id: s["addr"] for id, s in proxy.servers().items()}
        assert set(before) == {"web-1", "web-2"}
        attacker = Attacker(proxy, heard)
        kinds = [getattr(Attacker, k) for k in vars(Attacker) if k not in ("__init__", "__module__", "__doc__", "peer", "lost", "type")
                 and not k.startswith("__")]
        tally = collections.Counter()
        for n in range(CASES):
            kind = kinds[n % len(kinds)]
            attacker.lost_after = False
            peer, packet = kind(attacker)
            for got in answers(peer, packet, attacker.lost_after):
                assert got.get("verb") not in TAKEN, (SEED, n, kind.__name__, packet, got)
                tally[got.get("code") or got.get("verb")] += 1
            if attacker.lost_after:
                attacker.lost()
        print(len(kinds), "kinds,", CASES, "cases:", dict(tally))
        assert tally["denied"] > CASES // 2, tally
        # The pool is as it was, its servers renew, and requests are served.
        assert {id: s["addr"] for id, s in proxy.servers().items()} == before
        assert victim.say(victim.signed())["verb"] == "renewed"
        still_serves(proxy)
        # The same key does what it may.
        with Announcer(proxy, beta, id="beta-1", port=9) as good:
            assert good.join()["verb"] == "registered"
            assert good.say(good.signed("5"))["verb"] == "deregistered"
    log = proxy.output
    for reason in ("the signature is wrong", "it answers no challenge", "no key of that name", "has expired", "belongs to another key",
                   "not for this id", "not for this policy", "not for the network of the announced", "the proxy's own", "it is not signed"):
        assert reason in log, reason
    for key in (alpha, beta, expired):
        assert key.secret.hex() not in log
    assert {s["state"] for s in ctl(proxy.socket, "workers")} == {"ready"} and not ctl(proxy.socket, "deaths")
