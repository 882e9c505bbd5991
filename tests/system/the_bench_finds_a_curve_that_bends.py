import math
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
import scale  # noqa: E402

SIZES = (1, 10, 100, 1000, 4000)


def points(**figures):
    """What is not named stays as it is."""
    return [scale.Point(n, **{name: figures.get(name, lambda n: 1)(n) * 7 for name in scale.FIGURES}) for n in SIZES]


for name in scale.FIGURES:
    for told, cost, grows, bends in (
            ("constant", lambda n: 1, (), False),
            ("log n", lambda n: 1 + math.log2(n), (), False),
            ("n where it may not", lambda n: n, (), True),
            ("the square root where it may not", math.sqrt, (), True),
            ("n where it may", lambda n: n, (name,), False),
            ("n log n where it may", lambda n: n * (1 + math.log2(n)), (name,), False),
            ("n squared where it may", lambda n: n * n, (name,), True),
            ("a step at the end", lambda n: 1 if n < 4000 else 4, (), True)):
        worst, which = scale.bend(points(**{name: cost}), grows)
        assert (worst > 1.001) == bends, (name, told, worst, which)
        assert not bends or scale.FIGURES[name] in which, (name, told, which)
