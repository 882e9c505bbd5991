"""A Server of the Python library in a thread of the scenario."""
import asyncio
import contextlib
import threading

from lib.bench import PATIENCE
from lib.python_client import policypool


@contextlib.contextmanager
def python_server(handler, wait=True, **options):
    """Joined, unless told not to wait for that; stopped in the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(what):
        return asyncio.run_coroutine_threadsafe(what, loop).result(60 * PATIENCE)

    async def make():
        return await policypool.Server(handler, **options).start()

    server = run(make())
    try:
        if wait:
            run(server.joined(30 * PATIENCE))
        yield server
    finally:
        run(server.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10 * PATIENCE)
        loop.close()
