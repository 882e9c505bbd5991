"""The phases of tests/chaos, a moment each: nothing is wrong and nothing lost."""
import os
import subprocess
import sys
from lib.bench import PROGRAMS, SLOW

chaos = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "chaos")
done = subprocess.run([sys.executable, chaos, "--programs", PROGRAMS, "--seconds", "1.5", "--workers", "2", "--parallel", "16"],
                      capture_output=True, text=True, timeout=100 * SLOW)
print(done.stdout, done.stderr)
assert done.returncode == 0
