"""Puts rendered tables between the markers of a markdown file. Everything outside of them stays as it is, to the byte."""

import os

from loadtest.book.failure import BookError


def markers(name):
    return f"<!-- book:{name} -->", f"<!-- /book:{name} -->"


def replace_section(text, name, body, where):
    begin, end = markers(name)
    for marker in (begin, end):
        if text.count(marker) != 1:
            raise BookError(f"{where}: the marker {marker} should be there once, and is {text.count(marker)} times")
    if text.index(begin) > text.index(end):
        raise BookError(f"{where}: the marker {end} comes before {begin}")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{body.strip()}\n{end}{after}"


def update_document(path, sections):
    """`sections`: {name: markdown}. All of them are replaced, or none."""
    try:
        text = path.read_bytes().decode()  # line ends stay what they are
    except OSError as error:
        raise BookError(f"{path}: {error.strerror}") from None
    for name, body in sections.items():
        text = replace_section(text, name, body, path.name)
    draft = path.with_suffix(".draft")
    try:
        draft.write_bytes(text.encode())
        os.replace(draft, path)
    except OSError as error:
        raise BookError(f"{path}: {error.strerror}") from None
