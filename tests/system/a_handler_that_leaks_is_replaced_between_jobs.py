"""One that keeps 4 MiB of each sick job is replaced at handler_max_memory, one at a time, and no request is lost by that."""
from lib.bench import Bench
from lib.misbehaving import END, PROXY, each_end_is_told, handlers, lines, processes, settings, under_load, wait_until
from lib.quiet import quiet

with Bench() as b:
    proxy = b.proxy(options=PROXY)
    server = b.server("100", "111", proxy, options=settings(handler_max_memory="64M"))
    before = processes(server)
    got = under_load(proxy, "sick:leaks", sick=200)
    assert set(got) == {"answered"}, got
    wait_until(lambda: all(p["restarts"] > 0 or p["rss_kib"] < 64 << 10 for p in handlers(server)), "those that are too large are replaced")
    assert not before <= processes(server), "none was replaced"
    assert "max-memory" in {p["last_end"] for p in handlers(server)}, handlers(server)
    each_end_is_told(server, "max-memory")
    # Between jobs: the one before may have been of either client.
    told = [END.search(line)["srcid"] for line in lines(server, 'msg="job process ended"', " cause=max-memory ")]
    assert told and set(told) <= {"ill", "well"}, told
    quiet(proxy, server)
