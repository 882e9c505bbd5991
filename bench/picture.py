"""Lines over a logarithmic axis of connections, as SVG: throughput beside latency."""
import math

COLOURS = ["#0b6e4f", "#c1440e", "#3a5ba0", "#7a5195"]
WIDTH, HEIGHT, LEFT, TOP, GAP = 430, 280, 70, 50, 90


def _text(x, y, s, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{s}</text>'


def _short(v):
    return f"{v / 1e6:g}M" if v >= 1e6 else f"{v / 1e3:g}k" if v >= 1e3 else f"{v:g}"


def _decades(values):
    return range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)


class Panel:
    def __init__(self, left, title, xs, decades):
        self.left, self.xs = left, xs
        self.low, self.high = decades[0], decades[-1]
        self.out = [_text(left + WIDTH / 2, TOP - 14, title, more='font-weight="bold"')]
        for d in decades:
            y = self.y(10 ** d)
            self.out.append(f'<path d="M{left} {y:.1f}h{WIDTH}" stroke="#ddd"/>')
            self.out.append(_text(left - 8, y + 4, _short(10 ** d), "end"))
        for x in xs:
            self.out.append(_text(self.x(x), TOP + HEIGHT + 18, x))
        self.out.append(_text(left + WIDTH / 2, TOP + HEIGHT + 38, "connections, one request in flight on each"))
        self.out.append(f'<path d="M{left} {TOP}v{HEIGHT}h{WIDTH}" stroke="#444" fill="none"/>')

    def x(self, v):
        low, high = math.log2(self.xs[0]), math.log2(self.xs[-1])
        return self.left + WIDTH * (0.03 + 0.94 * (math.log2(v) - low) / max(high - low, 1))

    def y(self, v):
        return TOP + HEIGHT * (1 - (math.log10(max(v, 0.1)) - self.low) / max(self.high - self.low, 1))

    def line(self, points, colour, dashed=False):
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        dash = 'stroke-dasharray="5 4"' if dashed else ""
        self.out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" {dash}/>')
        self.out += [f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]


def draw(path, lines):
    """lines: {name: [(connections, requests/s, p50 us, p99 us)]}"""
    xs = sorted({p[0] for points in lines.values() for p in points})
    rates = Panel(LEFT, "requests/s", xs, _decades([p[1] for points in lines.values() for p in points]))
    times = Panel(LEFT + WIDTH + GAP, "latency, µs: p50, dashed p99", xs,
                  _decades([v for points in lines.values() for p in points for v in p[2:4]]))
    legend = []
    for i, (name, points) in enumerate(lines.items()):
        colour = COLOURS[i % len(COLOURS)]
        rates.line([(p[0], p[1]) for p in points], colour)
        times.line([(p[0], p[2]) for p in points], colour)
        times.line([(p[0], p[3]) for p in points], colour, dashed=True)
        x = LEFT + i * 230
        legend.append(f'<rect x="{x}" y="{TOP + HEIGHT + 58}" width="22" height="4" fill="{colour}"/>')
        legend.append(_text(x + 30, TOP + HEIGHT + 65, name, "start"))
    width, height = LEFT + 2 * WIDTH + GAP + 30, TOP + HEIGHT + 85
    with open(path, "w") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
                'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n')
        f.write("\n".join(rates.out + times.out + legend) + "\n</svg>\n")
