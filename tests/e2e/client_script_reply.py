"""A reply as a tree that keeps what it was on the wire: the kind of each part and its exact bytes."""

from dataclasses import dataclass

ARRAY, BULK, INTEGER, VERBATIM = b"*", b"$", b":", b"="
_OF_ITEMS = {b"*": 1, b"~": 1, b">": 1, b"%": 2}
_OF_LENGTH = (b"$", b"=", b"!")


@dataclass(frozen=True)
class Node:
    kind: bytes  # the first byte
    body: object  # bytes; a list of Node, for a map keys and values in turn; None for a bulk or an array that is none
    bytes: bytes


def parse_reply(data):
    """One whole reply; ValueError if it is none, or if bytes are left."""
    node, end = _parse(data, 0)
    if end != len(data):
        raise ValueError(f"bytes behind the reply: {data[end:][:80]!r}")
    return node


def _parse(data, start):
    line_end = data.index(b"\r\n", start)
    kind, rest, at = data[start:start + 1], data[start + 1:line_end], line_end + 2
    if kind in _OF_ITEMS and rest != b"-1":
        items = []
        for _ in range(int(rest) * _OF_ITEMS[kind]):
            item, at = _parse(data, at)
            items.append(item)
        return Node(kind, items, data[start:at]), at
    if kind in _OF_LENGTH and rest != b"-1":
        end = at + int(rest)
        return Node(kind, data[at:end], data[start:end + 2]), end + 2
    return Node(kind, None if rest == b"-1" and kind in (ARRAY, BULK) else rest, data[start:at]), at
