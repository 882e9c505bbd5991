"""Daemons at Unix sockets, in the scenario's folder, where any user may search and connect."""
import os

from lib import bench
from lib.bench import Proxy, Server

OPEN = ["--listen-mode", "0666"]


def at(name):
    """The address; the folder lets workers in, who have another user than root."""
    os.chmod(bench.FOLDER, 0o755)
    return f"unix:{bench.FOLDER}/{name}.sock"


class UnixProxy(Proxy):
    """port is its address, tcp the port where it listens `also`."""

    def __init__(self, on, name="p", options=(), also=(), **more):
        super().__init__(on, ",".join([at(name), *also]), options=[*OPEN, *options], **more)
        self.tcp, self.port = self.port, at(name)


class UnixServer(Server):
    def __init__(self, on, id, policy, proxy, options=(), wait=True, also=(), **more):
        super().__init__(on, id, policy, proxy, ",".join([at(f"s{id}"), *also]), options=[*OPEN, *options], wait=False, **more)
        self.port = at(f"s{id}")
        if wait and isinstance(proxy, Proxy):
            proxy.wait_server(id, addr=self.port)
