#!/usr/bin/python3
"""upper.py - a handler: the payload in capitals; see policypool-handler(7)."""
import json
import sys

for line in sys.stdin:
    job = json.loads(line)
    answer = {"job": job["job"]}
    try:
        if "encoding" in job:
            raise ValueError("this handler takes text only")
        answer["payload"] = job["payload"].upper()
    except Exception as e:
        answer["error"] = str(e)
    print(json.dumps(answer), flush=True)
