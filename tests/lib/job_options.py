"""Handlers for scenarios: modules that were built, and programs, where a job process of any user can read them."""
import os
import shutil
from lib.bench import FOLDER, PATIENCE, PROGRAMS, Peer, request, workers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def place(source, name=None):
    """A copy in the scenario's folder; its path."""
    path = os.path.join(FOLDER, name or os.path.basename(source))
    shutil.copy(source, path + ".new")
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)  # a process may have the former one in memory
    return path


def module(name):
    """One of tests/modules, or an example."""
    return place(f"{PROGRAMS}/modules/{name}.so")


def module_options(name, **more):
    return options(handler="module", handler_module=module(name), **more)


def options(**keys):
    """A server's options.  A list is one without commas in it; clocks that are not under test are generous."""
    keys = {"handler_start_timeout": f"{60 * PATIENCE:.0f}s", "job_timeout": f"{60 * PATIENCE:.0f}s", **keys}
    argv = []
    for key, value in keys.items():
        argv += [f"--{key.replace('_', '-')}", ",".join(value) if isinstance(value, list) else str(value)]
    return argv


def answer(port, payload, policy="111", **more):
    """The payload of a reply, or CODE: MESSAGE of an error."""
    with Peer(port) as p:
        reply = p.ask(request(payload, policy, **more))
    return reply["payload"] if str(reply["type"]) == "2" else f"{reply['code']}: {reply['message']}"


def pipes(daemon):
    """{pid: number of ends of pipes} of the master and its workers: what job processes are spoken to with."""
    def count(pid):
        return sum(os.readlink(f"/proc/{pid}/fd/{fd}").startswith("pipe:") for fd in os.listdir(f"/proc/{pid}/fd"))
    return {pid: count(pid) for pid in [daemon.pid, *workers(daemon)]}
