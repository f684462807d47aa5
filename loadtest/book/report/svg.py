"""What all charts are drawn with. The same figures give the same file, byte for byte."""

from html import escape

COLOURS = ("#1f6feb", "#d1242f", "#2da44e", "#8c959f", "#bf8700", "#8250df", "#0a7c86", "#bc4c00")
GREY = "#57606a"


def document(width, height, title, parts):
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif" role="img">',
            f"<title>{escape(title)}</title>", f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            text(12, 22, title, size=14, weight="bold")]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def text(x, y, words, size=12, anchor="start", colour="#1f2328", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" fill="{colour}">'
            f"{escape(str(words))}</text>")


def legend(x, names):
    parts = []
    for number, name in enumerate(names):
        parts.append(f'<rect x="{x}" y="36" width="11" height="11" fill="{COLOURS[number % len(COLOURS)]}"/>')
        parts.append(text(x + 15, 46, name, size=11))
        x += 30 + 7 * len(name)
    return parts


def caption(y, lines):
    return [text(12, y + 14 * number, line, size=9, colour=GREY) for number, line in enumerate(lines)]


def short(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
