"""Certificates made by the scenario, with certtool, in its own folder; and peers of Python that speak TLS."""
import os
import socket
import ssl
import subprocess

from lib.bench import FOLDER, SLOW, Peer, request
from lib.needs import need_command

LIFE = "expiration_days = 1"


class Identity:
    """A certificate and its key, as files."""

    def __init__(self, name, fields, ca=None):
        path = os.path.join(FOLDER, name)
        self.certificate, self.key, template = f"{path}.crt", f"{path}.key", f"{path}.template"
        with open(template, "w") as f:
            f.write("\n".join([f'cn = "{name}"', *fields]) + "\n")
        certtool("--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1", "--outfile", self.key)
        signer = ["--generate-self-signed"] if ca is None else \
            ["--generate-certificate", "--load-ca-certificate", ca.certificate, "--load-ca-privkey", ca.key]
        certtool(*signer, "--load-privkey", self.key, "--template", template, "--outfile", self.certificate)


def certtool(*argv):
    need_command("certtool")
    done = subprocess.run(["certtool", *argv], capture_output=True, text=True)
    assert done.returncode == 0, f"certtool {argv}: {done.stderr}"


def authority(name="ca"):
    return Identity(name, ["ca", "cert_signing_key", LIFE])


def issue(name, ca, ip="127.0.0.1", dns="pool.example", life=LIFE, purposes=("tls_www_server", "tls_www_client")):
    """Good for both sides unless told otherwise."""
    return Identity(name, [f'dns_name = "{dns}"', f'ip_address = "{ip}"', "signing_key", life, *purposes], ca)


def listening(identity, mode="required", client_ca=None, verify="required"):
    """Options of a daemon with a listener of that identity."""
    more = ["--tls-client-ca", client_ca.certificate, "--tls-verify-client", verify] if client_ca else []
    return ["--tls", mode, "--tls-certificate", identity.certificate, "--tls-key", identity.key, *more]


def servers_by(ca, identity=None):
    """Options of a proxy that verifies servers by that CA, and shows them that identity."""
    return ["--server-ca", ca.certificate,
            *(["--server-certificate", identity.certificate, "--server-key", identity.key] if identity else [])]


def proxy_by(ca, identity=None):
    """Options of a server that joins over TLS."""
    return ["--revproc-tls", "--revproc-ca", ca.certificate,
            *(["--revproc-certificate", identity.certificate, "--revproc-key", identity.key] if identity else [])]


def client_by(ca, identity=None):
    """Options of ppool-client."""
    return ["--tls", "--ca", ca.certificate, *(["--cert", identity.certificate, "--key", identity.key] if identity else [])]


def context(ca, identity=None, newest=None):
    c = ssl.create_default_context(cafile=ca.certificate)
    c.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    if identity:
        c.load_cert_chain(identity.certificate, identity.key)
    if newest:
        c.maximum_version = newest
    return c


class SecurePeer(Peer):
    """A raw connection over TLS that reads whole objects."""

    def __init__(self, port, ca, identity=None, name="127.0.0.1", newest=None, seconds=10, session=None, by=None):
        """session: of the same context (by), to be resumed."""
        super().__init__(port, seconds)
        by = by or context(ca, identity, newest)
        self.socket = by.wrap_socket(self.socket, server_hostname=name, suppress_ragged_eofs=False, session=session)


class Resuming:
    """A client that resumes its session wherever it connects."""

    def __init__(self, ca, identity=None, newest=None):
        self.ca, self.context, self.session = ca, context(ca, identity, newest), None

    def ask(self, port, payload="hello", **fields):
        """Over a connection of its own: the reply, and whether the session was resumed."""
        with SecurePeer(port, self.ca, by=self.context, session=self.session) as p:
            reply = p.ask(request(payload, **fields))
            self.session = p.socket.session
            return reply, p.socket.session_reused


def hello(ca):
    """The first bytes that a client of TLS says."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context(ca).wrap_bio(incoming, outgoing, server_hostname="pool.example").do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()


def raw(port, seconds=10):
    s = socket.create_connection(("127.0.0.1", port if isinstance(port, int) else port.port))
    s.settimeout(seconds * SLOW)
    return s
