#!/usr/bin/python3
"""ask.py PROXY POLICY TEXT... - asks for each text, one after the other; see policypool-python(3)."""
import sys
import time

import policypool

proxy, policy, *texts = sys.argv[1:]
try:
    with policypool.connect(proxy, timeout=10) as client:
        for text in texts:
            while True:
                try:
                    print(client.call(policy, text).text)
                    break
                except policypool.Overloaded as e:  # it has not run: later, then
                    time.sleep((e.retryafter or 100) / 1000)
except policypool.Error as e:
    sys.exit(f"{type(e).__name__}: {e}")
