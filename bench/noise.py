"""What else the host did while something was measured: read from /proc."""
import os
import resource
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")
EVERY = 0.05  # seconds between two looks at the run queue


def _stat():
    with open("/proc/stat") as f:
        return {key: list(map(int, values)) for key, *values in map(str.split, f)}


def _children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Noise:
    """with Noise() as n: ...; then n.told(own) tells, own being the seconds of processors that what is measured took; what this
    process's children took that have ended within it, the load, is known here.

    steal: the share of the processors' time that the host's other guests took; queue: programs that ran or could have, on
    average; switches: of context, a second; load: the average of a minute at the end; others: processors that were busy with
    neither load nor what is measured."""

    def __enter__(self):
        self.queue, self.over = [], threading.Event()
        self.before, self.at, self.of_children = _stat(), time.monotonic(), _children()
        self.looking = threading.Thread(target=self._look, daemon=True)
        self.looking.start()
        return self

    def __exit__(self, *_):
        self.after, self.seconds = _stat(), time.monotonic() - self.at
        self.of_children = _children() - self.of_children
        self.over.set()
        self.looking.join()

    def _look(self):
        while not self.over.wait(EVERY):
            self.queue.append(_stat()["procs_running"][0] - 1)  # but for this one

    def told(self, own):
        passed = [b - a for a, b in zip(self.before["cpu"], self.after["cpu"])]
        user, nice, system, _idle, _iowait, irq, softirq, steal = passed[:8]
        busy = (user + nice + system + irq + softirq) / TICK
        return {"steal": steal / max(sum(passed[:8]), 1), "queue": sum(self.queue) / max(len(self.queue), 1),
                "switches": (self.after["ctxt"][0] - self.before["ctxt"][0]) / self.seconds, "load": os.getloadavg()[0],
                "others": max(0.0, busy - own - self.of_children) / self.seconds}
