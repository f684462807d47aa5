"""A small RESP2/RESP3 client that hides nothing.

Unlike a real client library it sends exactly the bytes it is given, keeps the exact bytes of every reply, and returns errors as
values, so that a test can state the reply it expects, error texts included.
"""

import socket


class Status(str):
    """A simple string: +OK."""


class Error(str):
    """An error reply: -ERR text, or !21 in RESP3. A value: nothing here raises it."""


class Set(list):
    """A set of RESP3, in the order of its arrival."""


class Push(list):
    """An out-of-band message of RESP3."""


class Verbatim(bytes):
    """A verbatim string of RESP3, without its three-letter format."""


class Null:
    """The null of RESP3. RESP2's null bulk and null array are Python's None."""

    def __repr__(self):
        return "NULL"


OK = Status("OK")
PONG = Status("PONG")
NULL = Null()


class Disconnected(Exception):
    """The server closed the connection in the middle of, or instead of, a reply."""


class RespConnection:
    """One connection; by TLS, with an ssl.SSLContext as `tls`. Not thread-safe. Every wait is bounded by `timeout` seconds (socket.timeout is raised)."""

    def __init__(self, address, timeout=30.0, tls=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(address)
            if family == socket.AF_INET:
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                self.socket = tls.wrap_socket(self.socket, server_hostname=address[0])
        except OSError:
            self.socket.close()
            raise
        self._buffer = bytearray()
        self._position = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # Sending -------------------------------------------------------------------------------------------------------------

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, *words):
        self.send_bytes(encode(*words))

    # Receiving -----------------------------------------------------------------------------------------------------------

    def receive(self):
        """The next reply, decoded."""
        return self.receive_with_bytes()[0]

    def receive_with_bytes(self):
        """The next reply as (decoded value, exact bytes)."""
        self._compact()
        start = self._position
        value = self._parse()
        return value, bytes(self._buffer[start:self._position])

    def receive_many(self, count):
        return [self.receive() for _ in range(count)]

    def call(self, *words):
        self.send(*words)
        return self.receive()

    def call_bytes(self, *words):
        """Like call(), but the exact bytes of the reply."""
        self.send(*words)
        return self.receive_with_bytes()[1]

    def pipeline(self, commands):
        self.send_bytes(b"".join(encode(*words) for words in commands))
        return self.receive_many(len(commands))

    def receive_until_closed(self):
        """Everything up to the end of the stream, undecoded."""
        rest = self._buffer[self._position:]
        self._buffer, self._position = bytearray(), 0
        try:
            while chunk := self.socket.recv(65536):
                rest += chunk
        except ConnectionResetError:
            pass  # closed with our own bytes unread on its side: still closed
        return bytes(rest)

    def is_closed(self):
        """Whether the server closes the connection without a further byte. Waits for it until the timeout."""
        return self.receive_until_closed() == b""

    # Parsing -------------------------------------------------------------------------------------------------------------

    def _compact(self):
        if self._position == len(self._buffer):
            self._buffer.clear()
            self._position = 0
        elif self._position > 1 << 20:
            del self._buffer[:self._position]
            self._position = 0

    def _fill(self, minimum=1):
        chunk = self.socket.recv(max(65536, min(minimum, 1 << 20)))
        if not chunk:
            raise Disconnected(f"connection closed, unread: {bytes(self._buffer[self._position:][:200])!r}")
        self._buffer += chunk

    def _line(self):
        searched = self._position
        while (end := self._buffer.find(b"\r\n", searched)) < 0:
            searched = max(self._position, len(self._buffer) - 1)
            self._fill()
        line = bytes(self._buffer[self._position:end])
        self._position = end + 2
        return line

    def _exactly(self, count):
        while (missing := self._position + count + 2 - len(self._buffer)) > 0:
            self._fill(missing)
        data = bytes(memoryview(self._buffer)[self._position:self._position + count])
        if self._buffer[self._position + count:self._position + count + 2] != b"\r\n":
            raise ValueError("a bulk does not end with CRLF")
        self._position += count + 2
        return data

    def _parse(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return Status(rest.decode("latin-1"))
        if kind == b"-":
            return Error(rest.decode("latin-1"))
        if kind in (b":", b"("):
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._exactly(int(rest))
        if kind == b"*":
            return None if rest == b"-1" else self._items(rest)
        if kind == b"_":
            return NULL
        if kind == b"#":
            return {b"t": True, b"f": False}[rest]
        if kind == b",":
            return float(rest)
        if kind == b"=":
            return Verbatim(self._exactly(int(rest))[4:])
        if kind == b"!":
            return Error(self._exactly(int(rest)).decode("latin-1"))
        if kind == b"~":
            return Set(self._items(rest))
        if kind == b">":
            return Push(self._items(rest))
        if kind == b"%":
            return self._map(int(rest))
        if kind == b"|":  # attributes describe the reply that follows
            self._map(int(rest))
            return self._parse()
        raise ValueError(f"not a reply: {line[:80]!r}")

    def _items(self, count):
        return [self._parse() for _ in range(int(count))]

    def _map(self, count):
        return {_hashable(self._parse()): self._parse() for _ in range(count)}


def _hashable(value):
    return tuple(value) if isinstance(value, list) else value


def to_bytes(word):
    if isinstance(word, (bytes, bytearray)):
        return bytes(word)
    return str(word).encode()


def encode(*words):
    """The words as one RESP request."""
    parts = [b"*%d\r\n" % len(words)]
    for word in map(to_bytes, words):
        parts += (b"$%d\r\n" % len(word), word, b"\r\n")
    return b"".join(parts)


def pairs(reply):
    """A map as a dict whether it came as RESP3 map or as RESP2 flat array."""
    if isinstance(reply, dict):
        return reply
    return {_hashable(key): value for key, value in zip(reply[::2], reply[1::2])}
