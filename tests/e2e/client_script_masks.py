"""The parts of replies that a script cannot state byte by byte, and why each of them may vary."""

import re
import time
from dataclasses import dataclass
from typing import Callable

from client_script_reply import ARRAY, BULK, INTEGER, VERBATIM

SECONDS_LATER = 60  # a script is over long before, on the busiest machine


@dataclass(frozen=True)
class Mask:
    why: str
    accepts: Callable  # (node, *words of the mask) -> bool


def _near(scale):
    def accepts(node, most):
        return node.kind == INTEGER and int(most) - SECONDS_LATER * scale <= int(node.body) <= int(most)
    return accepts


def _later(node, seconds):
    """A moment about so many seconds from now."""
    return node.kind == INTEGER and abs(int(node.body) - time.time() - int(seconds)) <= SECONDS_LATER


def _bulk_like(pattern):
    return lambda node: node.kind == BULK and node.body is not None and re.fullmatch(pattern, node.body) is not None


def _number(node):
    return node.kind == INTEGER and int(node.body) >= 0


def _has_fields(text, names):
    """The text of INFO: lines name:value under headings. `# Name` in the mask, written #Name, asks for a heading."""
    lines = text.decode("latin-1").split("\r\n")
    fields = {line.split(":", 1)[0] for line in lines if ":" in line and not line.startswith("#")}
    headings = {"#" + line[2:] for line in lines if line.startswith("# ")}
    values = {line for line in lines if ":" in line}
    return all(name in values if ":" in name else name in fields | headings for name in names)


def _info(node, *names):
    return node.kind == BULK and node.body is not None and _has_fields(node.body, names)


def _verbatim_info(node, *names):
    return node.kind == VERBATIM and node.body.startswith(b"txt:") and _has_fields(node.body[4:], names)


def _settings(node, *names):
    """CONFIG GET of RESP2: names and values in turn."""
    if node.kind != ARRAY or len(node.body) % 2 or any(child.kind != BULK for child in node.body):
        return False
    return {child.body.decode() for child in node.body[::2]} >= set(names)


def _client_lines(text, names):
    lines = text.decode("latin-1").splitlines()
    return bool(lines) and all(set(names) <= {word.split("=", 1)[0] for word in line.split(" ")} for line in lines)


def _clients(node, *names):
    return node.kind == BULK and node.body is not None and _client_lines(node.body, names)


def _verbatim_clients(node, *names):
    return node.kind == VERBATIM and node.body.startswith(b"txt:") and _client_lines(node.body[4:], names)


def _commands(node, *names):
    """Entries of COMMAND: each begins with a name and an arity."""
    if node.kind != ARRAY or any(entry.kind != ARRAY or [part.kind for part in entry.body[:2]] != [BULK, INTEGER] for entry in node.body):
        return False
    return {entry.body[0].body.decode() for entry in node.body} >= set(names)


def _docs(node, *names):
    """COMMAND DOCS of RESP2: names, each with a description that has a summary and a group."""
    if node.kind != ARRAY or len(node.body) % 2:
        return False
    keys = {name.body.decode(): {child.body for child in docs.body[::2]} for name, docs in zip(node.body[::2], node.body[1::2])}
    return set(keys) >= set(names) and all(found >= {b"summary", b"since", b"group"} for found in keys.values())


def _histograms(node, *names):
    return node.kind == ARRAY and len(node.body) % 2 == 0 and {child.body.decode() for child in node.body[::2]} >= set(names)


MASKS = {
    "seconds": Mask("time passes between setting an expiry and asking for it", _near(1)),
    "milliseconds": Mask("time passes between setting an expiry and asking for it", _near(1_000)),
    "later": Mask("a relative expiry counts from the time of the command", _later),
    "id": Mask("a client number is each server's own", _number),
    "count": Mask("it counts what happened on this server before", _number),
    "bytes": Mask("how much memory a key takes is each server's own", _number),
    "some-key": Mask("which key it is is chance", _bulk_like(rb".+")),
    "name": Mask("each server has its own name", _bulk_like(rb"redis|strata")),
    "version": Mask("each server has its own version", _bulk_like(rb"\d+\.\d+\.\d+")),
    "info": Mask("facts of the process; the fields that this client reads, or their values, have to be there", _info),
    "verbatim-info": Mask("facts of the process; the fields that this client reads, or their values, have to be there", _verbatim_info),
    "settings": Mask("the set of settings is each server's own; those that this client reads have to be there", _settings),
    "clients": Mask("addresses, ages and memory of connections; the fields that this client reads have to be there", _clients),
    "verbatim-clients": Mask("addresses, ages and memory of connections; the fields that this client reads have to be there", _verbatim_clients),
    "commands": Mask("the set of commands is each server's own; those that this client looks for have to be there", _commands),
    "docs": Mask("the texts are each server's own; the fields that this client reads have to be there", _docs),
    "histograms": Mask("they count what happened on this server before; there has to be one of each of these commands", _histograms),
    "array": Mask("what this server has logged before", lambda node: node.kind == ARRAY and node.body is not None),
}
