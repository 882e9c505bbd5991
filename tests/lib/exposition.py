"""Reads Prometheus' exposition format 0.0.4, as strictly as its definition allows: one family in one piece, HELP and
TYPE before its samples, names and labels well formed, no sample twice, counters called _total and never negative,
histograms cumulative, ended by +Inf, with a sum and a count that fit."""
import math
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,(?!$)|$)')
SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def labels(text):
    """The labels of a sample as sorted pairs."""
    found, at = [], 0
    while at < len(text):
        m = LABEL.match(text, at)
        assert m, f"labels: {text!r}"
        found.append((m[1], m[2].replace(r"\n", "\n").replace(r"\"", '"').replace("\\\\", "\\")))
        at = m.end()
    names = [n for n, _ in found]
    assert len(set(names)) == len(names), f"a label stands twice: {text}"
    return tuple(sorted(found))


class Family:
    def __init__(self, name):
        self.name, self.type, self.samples = name, None, {}

    def take(self, name, where, value):
        suffix = name[len(self.name):]
        assert name.startswith(self.name) and suffix in SUFFIXES[self.type], f"{name} is no sample of {self.name}"
        assert (suffix, where) not in self.samples, f"{name}{dict(where)} stands twice"
        assert self.type == "gauge" or value >= 0, f"{name} is negative"
        self.samples[suffix, where] = value

    def check(self):
        assert self.type, f"{self.name} has no TYPE"
        assert (self.type == "counter") == self.name.endswith("_total"), f"{self.name} as {self.type}"
        if self.type == "histogram":
            for where in {tuple(p for p in w if p[0] != "le") for _, w in self.samples}:
                self.check_histogram(where)

    def check_histogram(self, where):
        buckets = sorted((float(dict(w)["le"]), v) for (s, w), v in self.samples.items()
                         if s == "_bucket" and tuple(p for p in w if p[0] != "le") == where)
        counts = [v for _, v in buckets]
        assert buckets and math.isinf(buckets[-1][0]), f"{self.name}: no bucket +Inf"
        assert counts == sorted(counts), f"{self.name}: buckets are not cumulative"
        assert self.samples["_count", where] == counts[-1], f"{self.name}: count is not that of +Inf"
        assert (self.samples["_sum", where] == 0) <= (counts[0] == counts[-1]), f"{self.name}: no sum"


def read(text):
    """{family: {labels as sorted pairs: value}}; a histogram's keys begin with its suffix."""
    assert text.endswith("\n"), "the last line has no end"
    families, now = {}, None
    for line in text[:-1].split("\n"):
        if m := re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line):
            if m[1] == "HELP":
                assert m[2] not in families, f"{m[2]} is in two pieces"
                now = families[m[2]] = Family(m[2])
            else:
                assert m[2] == now.name and not now.type and not now.samples and m[3] in SUFFIXES, line
                now.type = m[3]
            continue
        m = SAMPLE.fullmatch(line)
        assert m and now and now.type, f"no sample: {line!r}"
        now.take(m[1], labels(m[2] or ""), float(m[3]))
    for f in families.values():
        f.check()
    return {f.name: {w if f.type != "histogram" else (s, *w): v for (s, w), v in f.samples.items()} for f in families.values()}


def one(families, name, **where):
    """The value of a family's one sample with at least these labels."""
    found = [v for w, v in families[name].items() if set(where.items()) <= set(w)]
    assert len(found) == 1, (name, where, families[name])
    return found[0]
