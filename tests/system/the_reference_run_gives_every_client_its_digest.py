"""One proxy, servers 100 and 300 on policy 111, 200 and 400 on 222, six clients; everybody narrates."""
from lib.bench import Bench, client, sha1

with Bench() as b:
    proxy = b.proxy()
    servers = {i: b.server(i, p, proxy) for i, p in (("100", "111"), ("200", "222"), ("300", "111"), ("400", "222"))}
    for id in "123456":
        policy = "111" if int(id) % 2 else "222"
        payload = f"payload of client {id}"
        path = b.file(f"{id}.json", f'{{"type":"0","srcid":"{id}","privPoliId":"{policy}","payloadsize":"{len(payload)}","payload":"{payload}"}}')
        status, out, err = client(proxy, "-id", id, "-pkt", path)
        assert status == 0, (status, out, err)
        assert sha1(payload) in out and "correct" in out, out
        proxy.wait_for(rf"Message from client id {id}, policy {policy}")
        proxy.wait_for(rf"Forwarding to server id \d+ for client id {id}")
        proxy.wait_for(rf"Reply from server id \d+ for client id {id}")
    for id, server in servers.items():
        proxy.wait_for(rf"Setup message from server id {id}, policy {server.argv[4]}, port {server.port}")
        served = proxy.servers()[id]["served"]
        assert served in (1, 2), (id, served)
