"""tests/cluster, the demonstration of ./run cluster, in short: three proxies that share their servers by three etcd, which are killed one
after another under load.  Every answer is right, none is lost, and it says so."""
# Not under valgrind: leases of two seconds would end between their renewals
import os
import re
import subprocess
import sys
from lib import needs
from lib.bench import PATIENCE, PROGRAMS

needs.need_command("etcd")
cluster = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cluster")
done = subprocess.run([sys.executable, cluster, "--programs", PROGRAMS, "--seconds", "0.2"], capture_output=True, text=True,
                      timeout=150 * PATIENCE)
print(done.stdout, done.stderr)
assert done.returncode == 0
loads = re.findall(r"^client: (\d+) right, 0 wrong, 0 lost, ", done.stdout, re.M)
assert len(loads) == 7 and all(int(n) > 100 for n in loads), loads
assert re.search(rf"^== all in all, in \d+ s: {sum(map(int, loads))} right, 0 wrong, 0 lost; longest answer ", done.stdout, re.M)
assert "asked at p2: unknown-policy" in done.stdout and "p2 serves server 500, p3 does not know it yet" in done.stdout
