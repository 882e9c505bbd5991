#!/usr/bin/python3
"""capitals.py PROXY [PROXY...] - a server of policy "upper" that answers in capitals until it is told to end; see
policypool-python(3)."""
import logging
import sys

import policypool


def upper(request: policypool.Request) -> str:
    if request.binary:
        raise policypool.HandlerFailed("this server takes text only")
    return request.text.upper()


logging.basicConfig(level=logging.INFO, format="%(message)s")
policypool.serve(upper, id="capitals-1", policy="upper", proxies=sys.argv[1:] or ["2100"], repeatable=True,
                 ready=lambda server: print(f"serving at port {server.port}", flush=True))
