#!/usr/bin/python3
"""ask_many.py PROXY[,PROXY...] POLICY - asks for each line of standard input, many at once, and prints the answers in
the order of the lines; see policypool-python(3)."""
import asyncio
import sys

import policypool


async def main(proxies: str, policy: str) -> None:
    async with await policypool.connect_async(proxies, resend=True) as client:
        lines = ((policy, line.rstrip("\n")) for line in sys.stdin)
        async for answer in client.pipeline(lines, return_errors=True):
            print(f"{type(answer).__name__}: {answer}" if isinstance(answer, policypool.Error) else answer.text)


asyncio.run(main(*sys.argv[1:]))
