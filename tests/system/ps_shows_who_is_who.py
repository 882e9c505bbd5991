from lib.bench import WRAP, Bench, workers


def title(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as f:
        return f.read().rstrip(b"\0").decode()


with Bench() as b:
    if not WRAP:
        proxy = b.proxy()
        server = b.server("100", "111", proxy)
        assert title(server.pid) == f"ppool-server: master 100/111 :{server.port}", title(server.pid)
        assert title(proxy.pid) == f"ppool-proxy: master :{proxy.port}", title(proxy.pid)
        assert sorted(map(title, workers(server))) == ["ppool-server: worker 0", "ppool-server: worker 1"]
