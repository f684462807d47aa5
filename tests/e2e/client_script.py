r"""Scripts of what clients send, and what a server has to answer: tests/clients/scripts/*.script.

A script is read line by line:

    client: Django 5.2          what sends this, and where its source says so: both have to be there, at the top
    sources: django/core/cache/backends/redis.py
    # a comment
    connection reader           the requests that follow go over the connection of this name, which is opened when it is new
    > SET "k\x00" v EX 300      a request: words, in double quotes where they hold blanks or escapes; "x"*300 repeats
    < +OK                       the reply; consecutive requests are sent at once, their replies follow in order
    closed                      the server closes the connection now, without another byte

A reply that is not the same on both servers is stated for each, with the reason:

    > EVAL "return 1" 0
    strata< -ERR unknown command 'EVAL', with args beginning with: 'return 1' '0'\x20
    redis< :1
    why: scripts do not exist yet

Replies are written so that each stands for exact bytes:

    +OK  -ERR text              simple string, error: to the end of the line; in an array +"OK"
    :1  "bulk"  ,1.5            integer, bulk string, double
    nil  nil-array  null        the bulk and the array that are none in RESP2; RESP3's null
    true  false                 RESP3's
    [..]  %[..]  ~[..]  >[..]   array, map (keys and values in turn), set, push; blanks separate, line breaks may when indented
    unordered[..]  walk[..]     an array in any order; what a whole SCAN finds, its cursors followed
    <mask words>                one of MASKS: a part that is each server's own, or depends on the time
"""

import re
from dataclasses import dataclass, field

import client_script_masks as masks
from client_script_reply import ARRAY, BULK, parse_reply

SERVERS = ("strata", "redis")


class ScriptError(Exception):
    """The script itself is wrong: names the line."""


class Mismatch(AssertionError):
    """A reply is not the expected one."""


# What is expected -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Exact:
    bytes: bytes

    def matches(self, node):
        return node.bytes == self.bytes


@dataclass(frozen=True)
class Sequence:
    kind: bytes
    items: tuple

    def matches(self, node):
        return (node.kind == self.kind and isinstance(node.body, list) and len(node.body) == len(self.items)
                and all(item.matches(child) for item, child in zip(self.items, node.body)))


@dataclass(frozen=True)
class Unordered:
    items: tuple  # of Exact

    def matches(self, node):
        return (node.kind == ARRAY and isinstance(node.body, list)
                and sorted(child.bytes for child in node.body) == sorted(item.bytes for item in self.items))


@dataclass(frozen=True)
class Walk:
    items: tuple  # of Exact

    def matches_keys(self, found):
        return found == {item.bytes for item in self.items}


@dataclass(frozen=True)
class Masked:
    mask: object
    words: tuple

    def matches(self, node):
        return self.mask.accepts(node, *self.words)


# Reading ----------------------------------------------------------------------------------------------------------------

ESCAPES = {"n": b"\n", "r": b"\r", "t": b"\t", '"': b'"', "\\": b"\\"}


class Reader:
    """Takes words and replies out of a text."""

    def __init__(self, text):
        self._text = text
        self._at = 0

    def words(self):
        found = []
        while not self._ended():
            found.append(self._string() if self._text[self._at] == '"' else self._bare(r"\S+").encode())
        return tuple(found)

    def reply(self):
        """The whole text as one reply."""
        self._skip_blanks()
        if self._text[self._at:self._at + 1] in ("+", "-") and self._text[self._at + 1:self._at + 2] != '"':
            line = self._text[self._at:].rstrip("\n").replace("\\x20", " ")
            return Exact(line.encode() + b"\r\n")
        value = self._item()
        if not self._ended():
            raise ScriptError(f"more behind the reply: {self._text[self._at:]!r}")
        return value

    def _ended(self):
        self._skip_blanks()
        return self._at == len(self._text)

    def _skip_blanks(self):
        self._at = re.compile(r"\s*").match(self._text, self._at).end()

    def _bare(self, pattern):
        found = re.compile(pattern).match(self._text, self._at)
        if not found:
            raise ScriptError(f"not understood: {self._text[self._at:]!r}")
        self._at = found.end()
        return found.group()

    def _string(self):
        """Quoted pieces with nothing between them are one string."""
        value = self._quoted()
        while self._text[self._at:self._at + 1] == '"':
            value += self._quoted()
        return value

    def _quoted(self):
        body = self._bare(r'"(?:[^"\\]|\\.)*"')[1:-1]
        value = b"".join(_unescaped(piece) for piece in re.findall(r"\\x[0-9a-fA-F]{2}|\\.|[^\\]+", body, re.DOTALL))
        if self._text[self._at:self._at + 1] == "*":
            value *= int(self._bare(r"\*\d+")[1:])
        return value

    def _item(self):
        self._skip_blanks()
        rest = self._text[self._at:]
        if rest.startswith('"'):
            return Exact(_bulk(self._string()))
        if rest[:2] in ('+"', '-"'):
            self._at += 1
            return Exact(rest[:1].encode() + self._quoted() + b"\r\n")
        if rest.startswith("<"):
            return self._mask()
        for opening, make in SEQUENCES.items():
            if rest.startswith(opening):
                self._at += len(opening)
                return make(self._items_until_bracket())
        word = self._bare(r"[^\s\]\[]+")
        if word in NAMED:
            return Exact(NAMED[word])
        if re.fullmatch(r":-?\d+|,-?(\d+(\.\d+)?|inf)", word):
            return Exact(word.encode() + b"\r\n")
        raise ScriptError(f"not a reply: {word!r}")

    def _items_until_bracket(self):
        items = []
        while True:
            if self._ended():
                raise ScriptError("a bracket is not closed")
            if self._text[self._at] == "]":
                self._at += 1
                return tuple(items)
            items.append(self._item())

    def _mask(self):
        name, *words = self._bare(r"<[^>]*>")[1:-1].split()
        if name not in masks.MASKS:
            raise ScriptError(f"no such mask: {name!r}; there are {', '.join(masks.MASKS)}")
        return Masked(masks.MASKS[name], tuple(words))


def _unescaped(piece):
    if not piece.startswith("\\"):
        return piece.encode()
    if piece[1] == "x" and len(piece) == 4:
        return bytes([int(piece[2:], 16)])
    if piece[1] not in ESCAPES:
        raise ScriptError(f"unknown escape {piece!r}")
    return ESCAPES[piece[1]]


def _bulk(value):
    return b"$%d\r\n%s\r\n" % (len(value), value)


def _exact_only(make):
    def made(items):
        if not all(isinstance(item, Exact) for item in items):
            raise ScriptError("what may come in any order has to be exact")
        return make(items)
    return made


SEQUENCES = {
    "unordered[": _exact_only(Unordered),
    "walk[": _exact_only(Walk),
    "[": lambda items: Sequence(b"*", items),
    "%[": lambda items: Sequence(b"%", items),
    "~[": lambda items: Sequence(b"~", items),
    ">[": lambda items: Sequence(b">", items),
}

NAMED = {"nil": b"$-1\r\n", "nil-array": b"*-1\r\n", "null": b"_\r\n", "true": b"#t\r\n", "false": b"#f\r\n"}


# Scripts ----------------------------------------------------------------------------------------------------------------


@dataclass
class Expected:
    line: int
    by_server: dict  # {"strata": (template, text), "redis": ...}
    why: str = ""

    @property
    def differs(self):
        return bool(self.why)


@dataclass
class Exchange:
    """What is sent at once, and the replies to it."""

    connection: str
    line: int
    requests: list = field(default_factory=list)
    expected: list = field(default_factory=list)
    closes: bool = False


class Script:
    """A script that has been read and found to be complete."""

    def __init__(self, text, name):
        self.name = name
        self.headers = {}
        self.exchanges = []
        self._connection = "first"
        self._half = {}  # of a reply that is stated for each server: what has been read of it
        for number, line in _logical_lines(text):
            try:
                self._read(number, line)
            except ScriptError as failure:
                raise ScriptError(f"{name}:{number}: {failure}") from None
        self._finish()

    def _read(self, number, line):
        if header := re.match(r"(client|sources): +(\S.*)", line):
            if self.exchanges:
                raise ScriptError("client and sources stand at the top")
            self.headers[header.group(1)] = header.group(2)
        elif line.startswith("connection "):
            self._no_reply_is_open()
            self._connection = line.split(None, 1)[1]
        elif line == "closed":
            self._no_reply_is_open()
            self._open_exchange(number)
            self.exchanges[-1].closes = True
        elif line.startswith("> "):
            self._request(number, line[2:])
        elif reply := re.match(r"(strata|redis|)<\s", line):
            self._reply(number, reply.group(1), line[reply.end():])
        elif line.startswith("why: ") and set(self._half) == set(SERVERS):
            (one, other) = (self._half[server][1].strip() for server in SERVERS)
            if one == other:
                raise ScriptError("both servers are expected to answer the same: state it once")
            self._add(Expected(number, self._half, line[5:].strip()))
            self._half = {}
        else:
            raise ScriptError(f"not understood: {line!r}")

    def _no_reply_is_open(self):
        if self._half:
            raise ScriptError("a reply that differs needs strata<, redis< and why:")
        if self.exchanges and len(self.exchanges[-1].requests) > len(self.exchanges[-1].expected):
            raise ScriptError("a reply is missing")

    def _open_exchange(self, number):
        self.exchanges.append(Exchange(self._connection, number))

    def _request(self, number, text):
        current = self.exchanges[-1] if self.exchanges else None
        if current is None or current.closes or current.expected or self._half or current.connection != self._connection:
            self._no_reply_is_open()
            self._open_exchange(number)
        self.exchanges[-1].requests.append(Reader(text).words())

    def _reply(self, number, server, text):
        template = (Reader(text).reply(), text)
        if server:
            if server in self._half:
                raise ScriptError(f"{server} is told twice")
            self._half[server] = template
            return
        if self._half:
            raise ScriptError("a reply that differs needs strata<, redis< and why:")
        self._add(Expected(number, {name: template for name in SERVERS}))

    def _add(self, expected):
        if not self.exchanges or len(self.exchanges[-1].requests) <= len(self.exchanges[-1].expected):
            raise ScriptError("a reply without a request")
        self.exchanges[-1].expected.append(expected)
        if len(self.exchanges[-1].requests) > 1 and any(isinstance(template, Walk) for template, _ in expected.by_server.values()):
            raise ScriptError("a walk sends requests of its own: nothing may be sent at once with it")

    def _finish(self):
        try:
            self._no_reply_is_open()
        except ScriptError as failure:
            raise ScriptError(f"{self.name}: at the end: {failure}") from None
        if missing := {"client", "sources"} - set(self.headers):
            raise ScriptError(f"{self.name}: no line {' and '.join(sorted(missing))}")
        if not self.exchanges:
            raise ScriptError(f"{self.name}: nothing is sent")


def _logical_lines(text):
    """(number, line): comments and empty lines left out, indented lines joined to the one before."""
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0].isspace() and lines:
            lines[-1] = (lines[-1][0], lines[-1][1] + "\n" + line)
        else:
            lines.append((number, line))
    return lines


# Playing ----------------------------------------------------------------------------------------------------------------


def play(script, server, connect):
    """Plays the script against a server, "strata" or "redis"; `connect()` opens a connection. Raises Mismatch at the first."""
    connections = {}
    try:
        for exchange in script.exchanges:
            connection = connections.get(exchange.connection)
            if connection is None:
                connection = connections[exchange.connection] = connect()
            _play_exchange(script, server, connection, exchange)
            if exchange.closes:
                connections.pop(exchange.connection).close()
    finally:
        for connection in connections.values():
            connection.close()


def _play_exchange(script, server, connection, exchange):
    connection.send_bytes(b"".join(_encoded(words) for words in exchange.requests))
    for words, expected in zip(exchange.requests, exchange.expected):
        node = parse_reply(connection.receive_with_bytes()[1])
        template, text = expected.by_server[server]
        if isinstance(template, Walk):
            found = _walk(connection, words, node)
            good, shown = template.matches_keys(found), found
        else:
            good, shown = template.matches(node), node.bytes
        if not good:
            raise Mismatch(_told(script, server, words, expected, text, shown, node))
    if exchange.closes and not _is_closed(connection):
        raise Mismatch(f"{script.name}:{exchange.line}: the connection is not closed, or more came over it")


def _is_closed(connection):
    try:
        return connection.is_closed()
    except TimeoutError:
        return False


def _told(script, server, words, expected, text, shown, node):
    shown = repr(shown)
    lines = [f"{script.name}:{expected.line}: {script.headers['client']}, against {server}", f"  sent:     {b' '.join(words)[:300]!r}",
             f"  expected: {text.strip()}", f"  received: {shown if len(shown) < 2_000 else shown[:2_000] + '...'}"]
    if expected.differs:
        lines.append(f"  stated to differ because: {expected.why}")
        other, _ = expected.by_server[next(name for name in SERVERS if name != server)]
        if not isinstance(other, Walk) and other.matches(node):
            lines.append("  It answers like the other server now: state the reply once, and see what else in this script follows from it.")
    return "\n".join(lines)


def _encoded(words):
    return b"*%d\r\n%s" % (len(words), b"".join(map(_bulk, words)))


def _walk(connection, words, node):
    """What a whole SCAN finds, as encoded bulks; or the bytes that stopped it."""
    found = set()
    for _ in range(10_000):
        if not (node.kind == ARRAY and len(node.body) == 2 and node.body[0].kind == BULK and node.body[1].kind == ARRAY):
            return node.bytes
        found.update(child.bytes for child in node.body[1].body)
        cursor = node.body[0].body
        if cursor == b"0":
            return found
        at = 1 if words[0].upper() == b"SCAN" else 2
        connection.send(*words[:at], cursor, *words[at + 1:])
        node = parse_reply(connection.receive_with_bytes()[1])
    return b"<the walk does not end>"
