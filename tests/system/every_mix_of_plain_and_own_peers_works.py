"""Client, proxy and server, each ours or plain, with strings and with numbers where both are spoken."""
import itertools
from lib import plain
from lib.bench import Bench, client, sha1, wait_until

with Bench() as b:
    for own_client, own_proxy, own_server in itertools.product((True, False), repeat=3):
        proxy = b.proxy() if own_proxy else plain.Proxy()
        if own_server:
            server = b.server("7", "111", proxy if own_proxy else proxy.port)
        else:
            server = plain.Server(proxy.port, id="7", numbers=own_proxy)
        if not own_proxy:
            wait_until(lambda: proxy.announcements, "the announcement")
            assert all(isinstance(v, str) for v in proxy.announcements[0].values()), proxy.announcements
        else:
            proxy.wait_server("7")
        mix = (own_client, own_proxy, own_server)
        if own_client:
            status, out, err = client(proxy, "-id", "5", "--policy", "111", "--payload", "mixed")
            assert status == 0, (mix, status, out, err)
        else:
            for numbers in (False, True) if own_proxy else (False,):
                reply = plain.ask(proxy.port, "mixed", srcid="5", numbers=numbers)
                assert reply["payload"] == sha1("mixed") and str(reply["destid"]) == "5", (mix, reply)
        if not own_server:
            assert server.broken is None, (mix, server.broken)
        server.stop()
        if not own_proxy:
            proxy.stop()
