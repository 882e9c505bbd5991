"""What a scenario needs of the machine that runs it.  Where that is missing the scenario is skipped, with the reason."""
import os
import shutil
import socket
import subprocess
import sys

SKIPPED = 77  # exit status, as automake and meson know it


def skip(reason):
    """Ends the scenario; tests/run-system shows the reason and counts it as skipped."""
    print(f"skip: {reason}", flush=True)
    sys.exit(SKIPPED)


def need_root():
    if os.geteuid() != 0:
        skip("not root")


def need_command(*names):
    for name in names:
        if shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin") is None:
            skip(f"{name} is not installed")


def has_pty():
    """A tree without devpts has none."""
    try:
        for fd in os.openpty():
            os.close(fd)
    except OSError:
        return False
    return True


def need_pty():
    """For whatever shows a terminal."""
    if not has_pty():
        skip("no pseudo-terminals")


def need_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as s:
            s.bind(("::1", 0))
    except OSError as e:
        skip(f"no IPv6 on the loopback: {e.strerror}")


def need_network_namespaces():
    need_root()
    need_command("ip", "nsenter", "unshare")
    done = subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, text=True)
    if done.returncode != 0:
        skip(f"no network namespaces: {done.stderr.strip()}")


def need_syslog():
    if not os.path.exists("/dev/log"):
        skip("no /dev/log")


def need_systemd():
    """As the service manager that runs this machine."""
    if not os.path.isdir("/run/systemd/system"):
        skip("systemd does not run here")
