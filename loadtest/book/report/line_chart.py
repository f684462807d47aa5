"""Draws lines over time as SVG: a panel for every subject, all to the same scale."""

from loadtest.book.report import svg

WIDTH, LEFT, RIGHT, TOP, PANEL, BETWEEN = 760, 64, 20, 78, 150, 44
MOST_POINTS = 700  # more than there are pixels show nothing more
STEPS = (1, 2, 2.5, 5, 10)


def line_chart(title, units, panels, lines, caption):
    """`units`: of time and of the figures. `panels`: [(name, {line: [(time, value), ...]})]; `lines`: their names, in the order of
    colours. The scale begins at zero."""
    points = [point for _, drawn in panels for series in drawn.values() for point in series]
    longest = max((time for time, _ in points), default=0) or 1
    highest = max((value for _, value in points), default=0) or 1
    step = _step(highest, 5)
    top = step * -(-highest // step)
    parts, y = svg.legend(LEFT, lines), TOP
    for name, drawn in panels:
        parts.append(svg.text(LEFT, y - 8, f"{name} ({units[1]})", size=12, weight="bold"))
        parts += _grid(y, longest, top, step)
        for number, line in enumerate(lines):
            if drawn.get(line):
                parts.append(_line(drawn[line], y, longest, top, svg.COLOURS[number % len(svg.COLOURS)]))
        y += PANEL + BETWEEN
    parts.append(svg.text(WIDTH - RIGHT, y - BETWEEN + 28, units[0], size=11, anchor="end"))
    parts += svg.caption(y + 8, caption)
    return svg.document(WIDTH, y + 8 + 14 * len(caption), title, parts)


def _step(highest, most):
    """The smallest round number of which at most `most` reach `highest`."""
    power = 1.0
    while power * 10 * most < highest:
        power *= 10
    while power * most >= highest:
        power /= 10
    return next(power * step for step in STEPS if power * step * most >= highest)


def _x(time, longest):
    return LEFT + time / longest * (WIDTH - LEFT - RIGHT)


def _y(value, y, top):
    return y + PANEL - value / top * PANEL


def _grid(y, longest, top, step):
    parts = []
    for number in range(round(top / step) + 1):
        height = _y(number * step, y, top)
        parts.append(f'<line x1="{LEFT}" y1="{height:.1f}" x2="{WIDTH - RIGHT}" y2="{height:.1f}" stroke="#d0d7de"/>')
        parts.append(svg.text(LEFT - 6, height + 4, svg.short(number * step), size=10, anchor="end"))
    along = _step(longest, 10)
    for number in range(int(longest / along) + 1):
        parts.append(svg.text(_x(number * along, longest), y + PANEL + 14, svg.short(number * along), size=10, anchor="middle"))
    return parts


def _line(series, y, longest, top, colour):
    shown = _thinned(series)
    places = " ".join(f"{_x(time, longest):.1f},{_y(value, y, top):.1f}" for time, value in shown)
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _thinned(series):
    """At most about MOST_POINTS points, of each run of neighbours the one with the highest value: peaks are what is looked for."""
    run = -(-len(series) // MOST_POINTS)
    return [max(series[first:first + run], key=lambda point: point[1]) for first in range(0, len(series), run)]
