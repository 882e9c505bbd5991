"""What is left of work once there is none: nothing.  A slow leak in the books of the request path (a request that is counted for
ever, a permit that nobody gives back, a retry budget that shrinks) harms nobody in a short scenario, and everybody in a month."""
from lib.bench import ctl, open_files, wait_until

GAUGES = ("in_flight", "queued", "retrying", "retry_queued", "permits_awaited", "tls_handshaking")
TLS_HELD = 12 << 10  # bytes that count as held for a TLS session, as long as its connection stands
SLACK_FILES = 3  # that a daemon has for a moment: /proc files, a connection to the control socket


def server_connections(servers):
    return sum(s["connections"] for s in servers)


def books(daemon):
    """Descriptors of master and workers that no counted connection stands for, for quiet(since=)."""
    servers = ctl(daemon.socket, "servers") if is_proxy(daemon) else []
    return sum(open_files(daemon).values()) - ctl(daemon.socket, "status")["connections"] - server_connections(servers)


def is_proxy(daemon):
    return "ppool-proxy-" in daemon.socket


def disquiet(daemon, connections=None, since=None):
    """The first thing that is not as without load, in words; None when all is."""
    status = ctl(daemon.socket, "status")
    busy = {name: status[name] for name in GAUGES if status.get(name, 0) != 0}
    sessions, rest = divmod(status["buffered"], TLS_HELD)
    if rest or sessions > status["connections"]:
        busy["buffered"] = status["buffered"]
    if busy:
        return f"{daemon.socket}: {busy}"
    if connections is not None and status["connections"] != connections:
        return f"{daemon.socket}: {status['connections']} connections, {connections} wanted"
    if since is not None and (now := books(daemon)) > since + SLACK_FILES:
        return f"{daemon.socket}: {now} descriptors without a connection, {since} before"
    return disquiet_servers(daemon, status) if is_proxy(daemon) else None


def disquiet_servers(proxy, status):
    servers = ctl(proxy.socket, "servers")
    for server in servers:
        if server["in_flight"] != 0:
            return f"server {server['id']}: {server['in_flight']} in flight"
        if server["kind"] == "plain" and server["connections"] != 0:
            return f"server {server['id']}: {server['connections']} connections to a plain server"
    # A pooled server's idle connections keep theirs.
    if status["permits_held"] > server_connections(servers):
        return f"{proxy.socket}: {status['permits_held']} permits are held, {server_connections(servers)} connections open"
    return None


def quiet(*daemons, connections=None, since=None):
    """Awaits that they are as without load: nothing in flight, queued, held or on a further try, no permit without a connection.
    connections: of clients and registrations, that are still there; since: what books() told before the load, of one daemon."""
    last = []

    def settled():
        last[:] = filter(None, [disquiet(d, connections, since) for d in daemons])
        return not last
    try:
        wait_until(settled, "quiet", 20)
    except AssertionError:
        raise AssertionError(f"not quiet: {'; '.join(last)}") from None
