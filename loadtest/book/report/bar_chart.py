"""Draws grouped bars as SVG."""

from loadtest.book.report import svg

WIDTH, LEFT, RIGHT, BAR, GAP = 760, 230, 90, 15, 14


def bar_chart(title, unit, groups, subjects, figures, caption):
    """`figures`: {(group, subject): value, none below zero counts}; bars run from the left, one below the other."""
    largest = max([value for value in figures.values() if value > 0], default=1)
    parts, y = svg.legend(LEFT, subjects), 64
    for group in groups:
        present = [subject for subject in subjects if (group, subject) in figures]
        if not present:
            continue
        parts.append(svg.text(LEFT - 10, y + len(present) * BAR / 2 + 4, group, anchor="end"))
        for subject in present:
            value = figures[group, subject]
            width = max(0.0, value) / largest * (WIDTH - LEFT - RIGHT)
            colour = svg.COLOURS[subjects.index(subject) % len(svg.COLOURS)]
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>')
            parts.append(svg.text(LEFT + width + 5, y + BAR - 4, svg.short(value), size=10))
            y += BAR
        y += GAP
    parts.append(svg.text(LEFT, y + 8, unit, size=11))
    parts += svg.caption(y + 28, caption)
    return svg.document(WIDTH, y + 28 + 14 * len(caption), title, parts)
