"""By default TLS 1.2 has forward secrecy and authenticated encryption alone; a certificate with a weak key is refused with its file,
at the start and when a server shows one; a process that has a key writes no core file."""
import os
import ssl
from lib.bench import SLOW, Bench, Peer, run, workers
from lib.certificates import FOLDER, SecurePeer, authority, certtool, issue, listening, servers_by


def rsa(name, ca, bits):
    identity = issue(name, ca)
    certtool("--generate-privkey", "--key-type", "rsa", "--bits", str(bits), "--outfile", identity.key)
    certtool("--generate-certificate", "--load-ca-certificate", ca.certificate, "--load-ca-privkey", ca.key,
             "--load-privkey", identity.key, "--template", f"{FOLDER}/{name}.template", "--outfile", identity.certificate)
    return identity


with Bench() as b:
    ca = authority()
    weak, strong = rsa("weak", ca, 1024), rsa("strong", ca, 2048)
    for program in (["ppool-proxy", "-port", "0"], ["ppool-server", "-id", "1", "-pp", "1", "-listen", "0"]):
        status, out, err = run(*program, *listening(weak), "-t")
        assert status == 2 and weak.certificate in err and "1024 bits" in err and "2048" in err, (status, err)
        assert run(*program, *listening(strong), "-t")[0] == 0
    proxy = b.proxy(workers=1, options=[*listening(strong), *servers_by(ca)])

    def speak(ciphers):
        context = ssl.create_default_context(cafile=ca.certificate)
        context.check_hostname = False
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
        with Peer(proxy.port) as p:
            try:
                return context.wrap_socket(p.socket).cipher()[0]
            except (ssl.SSLError, ConnectionResetError):
                return None

    assert speak("ECDHE-RSA-AES128-GCM-SHA256") == "ECDHE-RSA-AES128-GCM-SHA256"
    for old in ("AES128-GCM-SHA256", "AES256-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA384"):
        assert speak(f"{old}:@SECLEVEL=0") is None, old
    with SecurePeer(proxy.port, ca) as p:
        assert p.socket.version() == "TLSv1.3"
    # What the kernel says of a process that writes no core: its files are root's.
    owners = {os.stat(f"/proc/{pid}/fd").st_uid for pid in [proxy.pid, *workers(proxy)]}
    assert owners == {0} or SLOW > 1, owners  # a leak check is by tracing
