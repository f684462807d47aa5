"""What a server says of its own memory: INFO of the Redis protocol, stats of memcached's."""

import socket
from dataclasses import dataclass

from loadtest.book.failure import BookError

WAITS_S = 30  # a server busy with a thousand deep pipelines answers late


@dataclass(frozen=True)
class Statistics:
    """`charged_bytes`: what the server counts against its limit. `evicted`: items, since it started."""

    limit_bytes: int
    charged_bytes: int
    evicted: int


# Of a protocol: the request, what the reply ends with (None: it tells its length), a line's separator and the fields' names.
_ASKING = {
    "resp2": (b"INFO\r\n", None, ":", ("maxmemory", "used_memory", "evicted_keys")),
    "memcached": (b"stats\r\n", b"END\r\n", " ", ("limit_maxbytes", "bytes", "evictions")),
}


class ServerStatistics:
    """Use in a with block; one connection, kept open. Thread safety: one thread at a time."""

    def __init__(self, server):
        self._where = f"statistics of {server.peer.name}"
        self._port = server.port
        self._request, self._end, self._separator, self._names = _ASKING[server.peer.protocol]
        self._connection = None

    def __enter__(self):
        try:
            self._connection = socket.create_connection(("127.0.0.1", self._port), timeout=WAITS_S)
        except OSError as error:
            raise BookError(f"{self._where}: {error}") from None
        return self

    def __exit__(self, *_):
        self._connection.close()

    def read(self):
        return parse_statistics(self._ask(), self._separator, self._names, self._where)

    def _ask(self):
        reply = b""
        try:
            self._connection.sendall(self._request)
            while not self._complete(reply):
                piece = self._connection.recv(1 << 16)
                if not piece:
                    raise BookError(f"{self._where}: the server closed the connection")
                reply += piece
        except OSError as error:
            raise BookError(f"{self._where}: {error}") from None
        return reply.decode(errors="replace")

    def _complete(self, reply):
        if self._end is not None:
            return reply.endswith(self._end)
        head, separator, body = reply.partition(b"\r\n")
        if not separator:
            return False
        if not head.startswith(b"$"):
            raise BookError(f"{self._where}: {head.decode(errors='replace')[:200]}")
        return len(body) >= int(head[1:]) + 2


def parse_statistics(text, separator, names, where):
    fields = {}
    for line in text.splitlines():
        name, _, value = line.removeprefix("STAT ").partition(separator)
        fields[name] = value.strip()
    figures = []
    for name in names:
        if not fields.get(name, "").isdigit():
            raise BookError(f"{where}: {name} should be a whole number, and is {fields.get(name, 'missing')}")
        figures.append(int(fields[name]))
    return Statistics(*figures)
