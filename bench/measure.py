"""One stack under one load, or several in turn: what the load generator counted, beside what programs took from the machine and what
else the host did."""
import collections
import json
import statistics
import subprocess

from noise import Noise

options = None  # those of bench/run

Figure = collections.namedtuple("Figure", "value low high")  # the median, and the range of the rounds


def figure(values):
    values = list(values)
    return Figure(statistics.median(values), min(values), max(values))


class Samples(list):
    """What was counted in the rounds of one stack; each is a dict of the load generator's figures, "cpu_of": seconds of processors a
    100,000 requests by program, and "noise"."""

    def __init__(self, samples=(), of=""):
        super().__init__(samples)
        self.of = of  # the stack's name

    def figure(self, key):
        return figure(s[key] for s in self)

    def cpu_of(self):
        return {p: statistics.median(s["cpu_of"][p] for s in self) for p in self[0]["cpu_of"]}

    def noise(self):
        return {k: statistics.median(s["noise"][k] for s in self) for k in self[0]["noise"]}

    def bottleneck(self):
        """Was the load generator it, in most of the rounds?"""
        return 2 * sum(s["bottleneck"] for s in self) > len(self)


def ratio(a, b, key="rate"):
    """Of rounds that were measured one after the other."""
    return figure(x[key] / y[key] if y[key] else float("inf") for x, y in zip(a, b))


def command(stack, *load, seconds=None, loads=None):
    argv = [f"{options.programs}/bench/load", *stack.load, *load, "--warm", options.warm, "--seconds", seconds or options.seconds,
            "--loads", loads or options.loads]
    return list(map(str, argv))


def measure(stack, *load, seconds=None, loads=None):
    before = stack.cpu()
    argv = command(stack, *load, seconds=seconds, loads=loads)
    with Noise() as noise:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120 + 2 * (seconds or options.seconds))
    if not done.stdout:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr}")
    got = json.loads(done.stdout)
    if done.returncode:
        raise RuntimeError(f"{stack.name}: {done.stderr} {done.stdout}")
    after = stack.cpu()
    got["cpu_of"] = {program: (after[program] - before[program]) * 1e5 / got["all"] for program in after}
    got["noise"] = noise.told(sum(after[p] - before[p] for p in after))
    return got


def in_turn(stacks, *load, prepare=None, loads=None):
    """A B A B ...: the samples of each.  prepare(stack) comes before each."""
    samples = [Samples(of=stack.name) for stack in stacks]
    for _ in range(options.rounds):
        for stack, got in zip(stacks, samples):
            if prepare:
                prepare(stack)
            got.append(measure(stack, *load, loads=loads))
    return samples
