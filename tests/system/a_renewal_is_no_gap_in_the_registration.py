"""While it waits for the acknowledgement of a renewal a server is as joined as before: its state and readiness never say
otherwise, and what is told as its time in the pool goes on."""
import urllib.request
from lib.bench import Bench, ctl, wait_until

with Bench() as b:
    proxy = b.proxy()
    server = b.server("1", "111", proxy, options=["--lease", "1s", "--admin", "0"])
    port = server.wait_for(r'msg="pages for operators" admin=127\.0\.0\.1:(\d+)')[1]
    wait_until(lambda: ctl(server.socket, "status")["registration"] == "joined", "it joins")
    ages = []
    while not ages or ages[-1] < 1.5:
        status = ctl(server.socket, "status")
        assert status["registration"] == "joined", status
        ages.append(float(status["registration_age_s"]))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            assert answer.status == 200
    assert ages == sorted(ages), ages
