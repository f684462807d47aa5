"""Draws grouped bars as SVG. The same figures give the same file, byte for byte."""

from html import escape

COLOURS = ("#1f6feb", "#d1242f", "#2da44e", "#8c959f", "#bf8700", "#8250df", "#0a7c86", "#bc4c00")
WIDTH, LEFT, RIGHT, BAR, GAP = 760, 230, 90, 15, 14


def bar_chart(title, unit, groups, subjects, figures, caption):
    """`figures`: {(group, subject): value, none below zero counts}; bars run from the left, one below the other."""
    largest = max([value for value in figures.values() if value > 0], default=1)
    parts, y = [], 64
    for group in groups:
        present = [subject for subject in subjects if (group, subject) in figures]
        if not present:
            continue
        parts.append(_text(LEFT - 10, y + len(present) * BAR / 2 + 4, group, anchor="end"))
        for subject in present:
            value = figures[group, subject]
            width = max(0.0, value) / largest * (WIDTH - LEFT - RIGHT)
            colour = COLOURS[subjects.index(subject) % len(COLOURS)]
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>')
            parts.append(_text(LEFT + width + 5, y + BAR - 4, _short(value), size=10))
            y += BAR
        y += GAP
    parts.append(_text(LEFT, y + 8, unit, size=11))
    parts += [_text(12, y + 28 + 14 * line, text, size=9, colour="#57606a") for line, text in enumerate(caption)]
    height = y + 28 + 14 * len(caption)
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
            'font-family="sans-serif" role="img">',
            f"<title>{escape(title)}</title>", f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            _text(12, 22, title, size=14, weight="bold"), *_legend(subjects)]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def _legend(subjects):
    parts, x = [], LEFT
    for number, subject in enumerate(subjects):
        parts.append(f'<rect x="{x}" y="36" width="11" height="11" fill="{COLOURS[number % len(COLOURS)]}"/>')
        parts.append(_text(x + 15, 46, subject, size=11))
        x += 30 + 7 * len(subject)
    return parts


def _text(x, y, text, size=12, anchor="start", colour="#1f2328", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}">'
            f"{escape(str(text))}</text>")


def _short(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
