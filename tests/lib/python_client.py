"""The Python library, as a scenario imports it; and both of its clients as one, for what has to hold for each."""
import asyncio
import os
import sys

from lib.job_options import ROOT

sys.path.insert(0, os.path.join(ROOT, "clients", "python"))
import policypool  # noqa: E402


class Waiting:
    """A Client, or an AsyncClient in a loop of its own, by the same calls."""

    def __init__(self, kind, proxies, **options):
        self.kind = kind
        self.loop = None if kind == "sync" else asyncio.new_event_loop()
        self.client = policypool.Client(proxies, **options) if kind == "sync" else policypool.AsyncClient(proxies, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.kind == "sync":
            self.client.close()
            return
        self.loop.run_until_complete(self.client.close())
        self.loop.close()

    def call(self, *args, **options):
        if self.kind == "sync":
            return self.client.call(*args, **options)
        return self.loop.run_until_complete(self.client.call(*args, **options))

    def outcomes(self, requests, **options):
        """Of all of them, in order: replies and errors."""
        if self.kind == "sync":
            yield from self.client.pipeline(requests, return_errors=True, **options)
            return
        answers = self.client.pipeline(requests, return_errors=True, **options)
        try:
            while True:
                yield self.loop.run_until_complete(answers.__anext__())
        except StopAsyncIteration:
            pass

    def failure(self, *args, **options):
        """The error that a call ends with."""
        try:
            got = self.call(*args, **options)
        except policypool.Error as e:
            return e
        raise AssertionError(f"{self.kind}: no error but {got}")


KINDS = ("sync", "asyncio")
