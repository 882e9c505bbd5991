"""tests/soak for a moment: everybody at once, all answered rightly, and no process takes much more at the end than at first."""
import os
import subprocess
import sys
from lib.bench import PROGRAMS, SLOW

soak = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "soak")
# What is freed is kept for a while under a sanitizer, up to 256 MB if it is not told less.
env = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=16")
done = subprocess.run([sys.executable, soak, "--programs", PROGRAMS, "--minutes", "0.1", "--slack", str(4096 * SLOW * SLOW)],
                      capture_output=True, text=True, timeout=100 * SLOW, env=env)
print(done.stdout, done.stderr)
assert done.returncode == 0
