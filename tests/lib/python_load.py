"""Many pipelined calls by a client of Python, each answer checked; requests and digests do not depend on their order."""
from lib.bench import PATIENCE, SLOW, sha1
from lib.python_client import Waiting


def payload(i):
    """Text, some of it with escapes and of several bytes, some binary."""
    if i % 97 == 0:
        return b"\x00\xff" + str(i).encode()
    return f"{i}" if i % 10 else f'"{i}"\n\\ \u00e9\U0001f600'


def load(kind, proxies, number, **options):
    """All right, in order; the servers that answered.  Fewer where everything is slow."""
    number = number if SLOW == 1 else number // 5
    servers = set()
    with Waiting(kind, proxies, **{"timeout": 60 * PATIENCE, **options}) as client:
        count = 0
        for i, got in enumerate(client.outcomes(("111", payload(i)) for i in range(number))):
            assert not isinstance(got, Exception), f"{kind} {i}: {type(got).__name__} {got}"
            assert got.text == sha1(payload(i)), f"{kind} {i}: another's answer: {got}"
            servers.add(got.server)
            count += 1
        assert count == number, count
    return servers
