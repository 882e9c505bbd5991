"""What was measured, as it is printed and as it stands in RESULTS.md."""
import collections
import datetime
import os
import platform
import shutil
import subprocess

import measure
from measure import Figure

HERE = os.path.dirname(os.path.abspath(__file__))
BUSY = os.getloadavg()[0] > 2 * os.cpu_count()  # more than having just built it

Target = collections.namedtuple("Target", "what figure least most", defaults=(None, None))
Table = collections.namedtuple("Table", "title columns rows")


class Report:
    def __init__(self):
        self.rows = []     # of the large table
        self.targets = []
        self.notes = []
        self.tables = {}   # further ones, by title

    def add(self, case, stack, samples, name=None):
        row = {"case": case, "stack": name or stack.name, "peak": stack.peak(), "samples": samples}
        self.rows.append(row)
        print(line(row), flush=True)

    def target(self, what, figure, least=None, most=None):
        """figure: one number, or the median and the range of several."""
        if not isinstance(figure, Figure):
            figure = Figure(figure, figure, figure)
        self.targets.append(Target(what, figure, least, most))
        print("    " + verdict(self.targets[-1]), flush=True)

    def note(self, text):
        self.notes.append(text)
        print("    " + text, flush=True)

    def table(self, title, columns):
        """One whose rows are lists of texts."""
        return self.tables.setdefault(title, Table(title, columns, []))

    def as_json(self):
        return {"rows": self.rows, "targets": [{**t._asdict(), "figure": t.figure._asdict()} for t in self.targets],
                "tables": [t._asdict() for t in self.tables.values()], "notes": self.notes}


def add_row(table, *cells):
    table.rows.append(list(map(str, cells)))
    print("  " + "  ".join(f"{c:>12}" for c in table.rows[-1]), flush=True)


# ---- one figure, one row ----

def ranged(figure, form):
    """The median, and between which two the rounds lay."""
    if figure.low == figure.high:
        return form(figure.value)
    return f"{form(figure.value)} ({form(figure.low)} to {form(figure.high)})"


def whole(value):
    return f"{value:,.0f}"


def hundredths(value):
    return f"{value:,.2f}"


def is_met(t):
    return t.figure.value >= t.least if t.least is not None else t.figure.value <= t.most


def wanted(t):
    if t.least is None and t.most is None:
        return "stated"
    return f"≥ {t.least}" if t.least is not None else f"≤ {t.most}"


def verdict(t):
    told = f"{t.what}: {ranged(t.figure, hundredths)}"
    return told if wanted(t) == "stated" else f"{told}; wanted {wanted(t)}: {'met' if is_met(t) else 'missed'}"


COLUMNS = ("case | stack | requests/s | MB/s | p50 µs | p99 µs | p99.9 µs | CPU s per 100,000 | peak MB | load generator's core"
           " | host: steal %, run queue, others' cores, switches/s").split(" | ")


def cells(row):
    s, noise = row["samples"], row["samples"].noise()
    cpu = ", ".join(f"{p} {v:.2f}" for p, v in s.cpu_of().items())
    peak = ", ".join(f"{p} {b / 1e6:.0f}" for p, b in row["peak"].items())
    busy = hundredths(s.figure("busy").value) + (", the bottleneck" if s.bottleneck() else "")
    host = f"{100 * noise['steal']:.1f}, {noise['queue']:.1f}, {noise['others']:.2f}, {noise['switches']:,.0f}"
    return [row["case"], row["stack"], ranged(s.figure("rate"), whole), f"{s.figure('bytes_per_second').value / 1e6:.1f}",
            whole(s.figure("p50_us").value), ranged(s.figure("p99_us"), whole), whole(s.figure("p999_us").value), cpu, peak, busy, host]


def line(row):
    c = cells(row)
    return (f"  {c[1]:34} {c[2]:>30}/s {c[3]:>7} MB/s  p50 {c[4]:>7}  p99 {c[5]:>20}  p99.9 {c[6]:>7} µs  CPU {c[7]}  peak MB {c[8]}"
            f"  load {c[9]}  host {c[10]}")


# ---- where, and all of it ----

def machine():
    with open("/proc/cpuinfo") as f:
        model = next((x.split(":")[1].strip() for x in f if x.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}, load {os.getloadavg()[0]:.2f} at the start"


def versions():
    told = {}
    for program, argv in (("haproxy", ["haproxy", "-v"]), ("nginx", ["nginx", "-v"]), ("nutcracker", ["nutcracker", "-V"]),
                          ("redis-server", ["redis-server", "--version"]), ("gearmand", ["gearmand", "--version"]),
                          ("nats-server", ["nats-server", "--version"]), ("uwsgi", ["uwsgi", "--version"]), ("php", ["php", "--version"]),
                          ("perl", ["perl", "-e", "print $^V"])):
        path = shutil.which(argv[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path:
            done = subprocess.run([path, *argv[1:]], capture_output=True, text=True)
            told[program] = next(iter((done.stdout + done.stderr).strip().splitlines()), "")
    return told


def markdown(columns, rows):
    return ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns), *("| " + " | ".join(row) + " |" for row in rows), ""]


def text(report, where, rivals):
    """All of it as Markdown, for RESULTS.md."""
    when, options = datetime.date.today().isoformat(), measure.options
    out = [f"{when}, {where}; {options.rounds} rounds of {options.seconds:g} s, load generators: {options.loads}; medians, and in brackets "
           f"the range of the rounds; {', '.join(rivals.values())}.", ""]
    if BUSY:
        out += ["The machine was busy with other work when this began (see its load): the ratios swing by a third from run to run.", ""]
    if report.rows:
        out += markdown(COLUMNS, [cells(row) for row in report.rows])
    for table in report.tables.values():
        out += [f"**{table.title}**", "", *markdown(table.columns, table.rows)]
    if report.targets:
        out += markdown(["target", "figure", "wanted", ""], [
            [t.what, ranged(t.figure, hundredths), wanted(t), "" if wanted(t) == "stated" else "met" if is_met(t) else "missed"]
            for t in report.targets])
    return "\n".join(out + [f"- {note}" for note in report.notes])


def record(told):
    """Replaces what stands between the marks in RESULTS.md."""
    path, marks = f"{HERE}/RESULTS.md", ("<!-- measured -->\n", "<!-- end of measured -->\n")
    with open(path) as f:
        before, rest = f.read().split(marks[0])
    after = rest.split(marks[1])[1]
    with open(path, "w") as f:
        f.write(before + marks[0] + "\n" + told.strip() + "\n\n" + marks[1] + after)
