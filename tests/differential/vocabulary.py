"""The words of the random streams: keys, values, numbers, options, and one maker for each command.

Left out on purpose: expiries that come due during a run (the servers see them at different times; SET with EXAT in the past counts too,
redis-server keeps such a key until it comes across it), and forms whose outcome depends on
the time or on which process runs (see differences.py for what is compared loosely instead).
"""

KEYS = [b"key:1", b"key:2", b"key:3", b"counter", b"n", b"hello", b"hallo", b"", b"\x00bin\xff", b"with blank", b"line\r\nbreak",
        "ключ".encode(), b"k" * 300, b"{tag}a", b"h[llo", b"h*llo", b"5", b"-1"]

TEXTS = [b"", b"a", b"hello", b"abc def", b"\r\n", b"\x00", b"*1\r\n$4\r\nPING\r\n", b"x" * 64, b"1.5", b" 1", b"true"]

NUMBERS = [b"0", b"1", b"-1", b"42", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"-9223372036854775809",
           b"9223372036854775806", b"4611686018427387904", b"1.5", b"+1", b"01", b"-0", b" 1", b"1 ", b"", b"abc", b"1e3", b"0x10",
           b"99999999999999999999999"]

# Not a time, or beyond what fits. Small positive numbers would expire during the run.
BAD_EXPIRIES = [b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"", b"a", b"1.5", b" 1", b"+1", b"-0",
                b"9223372036854776"]

JUNK_WORDS = [b"", b"foo", b"NX", b"XX", b"GT", b"LT", b"GET", b"KEEPTTL", b"MATCH", b"COUNT", b"-1", b"99999999999999999999", b"*", b"\xff\xfe"]

PATTERNS = [b"*", b"key:*", b"*:1", b"h?llo", b"h[ae]llo", b"h[^e]llo", b"h[a-f]llo", b"h[f-a]llo", b"h\\*llo", b"h\\[llo", b"[", b"h[", b"h[a",
            b"h[^", b"h[]llo", b"a\\", b"\\", b"*l*l*", b"?", b"??????", b"", b"*\xff", b"k*k*k", b"[a-z]*[0-9]", b"-1", b"{*}*", b"*[^a-z]"]

NAMES_OF_COMMANDS = [b"get", b"SET", b"mget", b"MSET", b"del", b"expire", b"incrby", b"ping", b"echo", b"dbsize", b"scan", b"flushall", b"nosuch"]

# Commands of redis-server that are not there yet. When one is added, move it to makers().
UNIMPLEMENTED = [b"LPUSH", b"RPUSH", b"HSET", b"SADD", b"ZADD", b"GETDEL", b"GETEX", b"SETEX", b"PSETEX", b"SETNX", b"GETSET", b"INCRBYFLOAT",
                 b"GETRANGE", b"SETRANGE", b"MSETNX", b"EXPIREAT", b"PEXPIREAT", b"RENAME", b"COPY", b"RANDOMKEY", b"TOUCH", b"OBJECT",
                 b"MULTI", b"EXEC", b"EVAL", b"SUBSCRIBE", b"XADD", b"SETBIT", b"PFADD", b"GEOADD", b"MOVE"]

CONTAINERS = (b"client", b"config", b"command")

# Each ends the connection, after the error that redis-server gives for it.
BROKEN_REQUESTS = [b"*x\r\n", b"*2\r\n$3\r\nGET\r\n:1\r\n", b"*1\r\n$x\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$536870913\r\n", b'GET "a\r\n', b"GET 'a\r\n",
                   b'SET "a"b c\r\n', b"*99999999999999999999\r\n", b"*1\r\n$04\r\nPING\r\n", b"* 1\r\n", b"PING\r\n*1\r\n!4\r\nPING\r\n"]


def makers(stream):
    """(weight, function that returns the words of a command), for every command."""
    return [*_string_makers(stream), *_counter_makers(stream), *_key_makers(stream), *_connection_makers(stream), *_server_makers(stream)]


def _string_makers(stream):
    def set_options():
        options = []
        while stream.chance(0.35) and len(options) < 5:
            kind = stream.choice(("NX", "xx", "GET", "keepttl", "EX", "px", "EXAT", "PXAT", "FOO"))
            options.append(kind)
            if kind in ("EX", "px"):
                options.append(stream.expiry_number(1 if kind == "EX" else 1_000))
            elif kind in ("EXAT", "PXAT"):
                absolute = 10_000_000_000 + stream.distant_seconds()
                options.append(stream.choice((absolute * (1 if kind == "EXAT" else 1_000), 0, -1, b"a", b"9223372036854775807")))
        return options

    return [
        (12, lambda: ("GET", stream.key())),
        (14, lambda: ("SET", stream.key(), stream.value(), *set_options())),
        (3, lambda: ("MGET", *stream.keys())),
        (3, lambda: ("MSET", *(word for key in stream.keys() for word in (key, stream.value())))),
        (4, lambda: ("APPEND", stream.key(), stream.value())),
        (3, lambda: ("STRLEN", stream.key())),
    ]


def _counter_makers(stream):
    return [
        (4, lambda: ("INCR", stream.key())),
        (3, lambda: ("DECR", stream.key())),
        (5, lambda: ("INCRBY", stream.key(), stream.number())),
        (4, lambda: ("DECRBY", stream.key(), stream.number())),
    ]


def _key_makers(stream):
    def expire(name, scale):
        options = [stream.choice(("NX", "XX", "gt", "LT", "FOO")) for _ in range(stream.choice((0, 0, 1, 1, 1, 2, 3)))]
        return (name, stream.key(), stream.expiry_number(scale), *options)

    def scan():
        options = []
        while stream.chance(0.5) and len(options) < 6:
            options += stream.choice((("MATCH", stream.choice(PATTERNS)), ("count", stream.choice((1, 7, 100, 10_000, 0, -1, b"a"))),
                                      ("TYPE", stream.choice(("string", "STRING", "list", "foo"))), ("FOO", 1), ("MATCH",)))
        return ("SCAN", stream.choice((0, 0, 0, 0, b"a", b"1x", b"99999999999999999999")), *options)

    return [
        (5, lambda: ("DEL", *stream.keys(4))),
        (3, lambda: ("UNLINK", *stream.keys(4))),
        (4, lambda: ("EXISTS", *stream.keys(4))),
        (3, lambda: ("TYPE", stream.key())),
        (4, lambda: ("TTL", stream.key())),
        (3, lambda: ("PTTL", stream.key())),
        (6, lambda: expire("EXPIRE", 1)),
        (5, lambda: expire("PEXPIRE", 1_000)),
        (3, lambda: ("PERSIST", stream.key())),
        (2, lambda: ("KEYS", stream.choice(PATTERNS))),
        (2, scan),
        (2, lambda: ("DBSIZE",)),
        (0.4, lambda: ("FLUSHDB", *stream.choice(((), ("ASYNC",), ("sync",), ("FOO",), ("SYNC", "ASYNC"))))),
        (1, lambda: ("SWAPDB", stream.choice((0, 0, 0, 1, 1, 15, 16, -1, b"a", b"", 1 << 31)), stream.choice((0, 1, 1, 1, 2, 2, 16, b"a", b"1x", -1)))),
        (0.1, lambda: ("FLUSHALL", *stream.choice(((), ("async",), ("SYNC",), ("FOO",))))),
    ]


def _connection_makers(stream):
    def hello():
        words = ["HELLO"]
        if stream.chance(0.9):
            words.append(stream.choice((2, 3, 2, 3, 4, 1, b"a", b"")))
            while stream.chance(0.3):
                words += stream.choice((("SETNAME", b"worker"), ("setname", b"bad name"), ("AUTH", "default", "x"), ("AUTH", "nobody", "x"),
                                        ("AUTH", "x"), ("FOO",), ("SETNAME",)))
        return words

    def client():
        return ("CLIENT", *stream.choice((("GETNAME",), ("SETNAME", b"a-name"), ("setname", b""), ("SETNAME", b"bad name"), ("ID",), ("INFO",),
                                          ("LIST",), ("LIST", "TYPE", "normal"), ("LIST", "TYPE", "foo"), ("LIST", "ID", "a"), ("LIST", "FOO"),
                                          ("FOO",), ("ID", "x"), ("LIST", "TYPE", "pubsub"), ("LIST", "ID"))))

    def auth():
        return ("AUTH", *stream.choice((("x",), ("default", "x"), ("nobody", "x"), ("a", "b", "c"), ("",))))

    return [
        (2, lambda: ("PING", *stream.choice(((), (), (b"\x00text",), ("a", "b"))))),
        (1, lambda: ("ECHO", stream.value())),
        (3, lambda: ("SELECT", stream.choice((0, 0, 0, 1, 1, 2, 15, 16, -1, b"a", b"", b"99999999999999999999")))),
        (1.5, hello),
        (0.5, auth),
        (1.5, client),
        (0.3, lambda: ("RESET",)),
        (0.1, lambda: ("QUIT",)),
    ]


def _server_makers(stream):
    def command():
        return ("COMMAND", *stream.choice(((), ("COUNT",), ("LIST",), ("INFO", *stream.keys(2)), ("INFO", stream.choice(NAMES_OF_COMMANDS)),
                                           ("DOCS", stream.choice(NAMES_OF_COMMANDS)), ("FOO",), ("COUNT", "x"), ("LIST", "foo"),
                                           ("LIST", "FILTERBY", "PATTERN", "nosuch*"), ("GETKEYS",))))

    def getkeys():
        return ("COMMAND", "GETKEYS", stream.choice(NAMES_OF_COMMANDS), *stream.keys(5))

    def config():
        names = ("maxmemory", "MAXMEMORY-policy", "timeout", "databases", "maxclients", "nosuch")
        changes = (("timeout", 0), ("timeout", 10_000), ("maxmemory", "2gb"), ("maxmemory", 1 << 30), ("maxmemory-policy", "noeviction"),
                   ("nosuch", 1), ("timeout", "a"), ("databases", 3), ("maxmemory", "foo"), ("maxmemory-policy", "foo"), ("timeout",))
        if stream.chance(0.5):
            return ("CONFIG", "GET", *(stream.choice(names) for _ in range(stream.choice((1, 1, 2)))))
        if stream.chance(0.7):
            return ("CONFIG", "set", *(word for _ in range(stream.choice((1, 1, 2))) for word in stream.choice(changes)))
        return ("CONFIG", *stream.choice((("FOO",), ("RESETSTAT",), ("GET",), ("SET", "timeout"), ("resetstat", "x"))))

    def unknown():
        return (stream.choice(("NOSUCH", "get2", "no\r\nsuch", "x" * 200, "")),
                *(stream.choice((b"a", b"with blank", b"y" * 100, b"\r\n", b"'quoted'", b"")) for _ in range(stream.choice((0, 1, 3, 8)))))

    return [
        (1, command),
        (1, getkeys),
        (1, config),
        (1, unknown),
        (0.5, lambda: ("INFO", *stream.choice(((), ("server",), ("all",), ("nosuch",), ("Clients", "memory"))))),
        (0.3, lambda: ("TIME",)),
        (0.2, lambda: ("DEBUG", "SLEEP", 0)),
        (0.3, lambda: ("SHUTDOWN", *stream.choice((("FOO",), ("SAVE", "NOSAVE"), ("ABORT",), ("abort", "now"))))),
    ]
