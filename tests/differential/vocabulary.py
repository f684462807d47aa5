"""The words of the random streams: keys, values, numbers, options, and one maker for each command.

Left out on purpose: expiries that come due during a run (the servers see them at different times; SET with EXAT in the past counts too,
redis-server keeps such a key until it comes across it), and forms whose outcome depends on
the time or on which process runs (see differences.py for what is compared loosely instead).
"""

import vocabulary_administration
import vocabulary_calls

KEYS = [b"key:1", b"key:2", b"key:3", b"counter", b"n", b"hello", b"hallo", b"", b"\x00bin\xff", b"with blank", b"line\r\nbreak",
        "ключ".encode(), b"k" * 300, b"{tag}a", b"h[llo", b"h*llo", b"5", b"-1"]

LONG_KEYS = [b"K" * 1_500, b"\x00\xff" * 35_000]

TEXTS = [b"", b"a", b"hello", b"abc def", b"\r\n", b"\x00", b"*1\r\n$4\r\nPING\r\n", b"x" * 64, b"1.5", b" 1", b"true"]

NUMBERS = [b"0", b"1", b"-1", b"42", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"-9223372036854775809",
           b"9223372036854775806", b"4611686018427387904", b"1.5", b"+1", b"01", b"-0", b" 1", b"1 ", b"", b"abc", b"1e3", b"0x10",
           b"99999999999999999999999"]

# Not a time, or beyond what fits. Small positive numbers would expire during the run.
BAD_EXPIRIES = [b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"", b"a", b"1.5", b" 1", b"+1", b"-0",
                b"9223372036854776"]

FLOATS = [b"0", b"1.5", b"-2.25", b"3.0e3", b"1e-5", b"0.1", b"-0.0", b"inf", b"-inf", b"nan", b"0x1A", b"1e400", b"1e4931", b"1e5000", b"abc", b"", b" 1",
          b"1 ", b"1.5.5", b"+2", b".5", b"5.", b"123456789.123456789", b"-1e17", b"9007199254740993", b"0.30000000000000004", b"1e-20", b"--1", b"9" * 5_200,
          b"1\x00"]

INDEXES = [0, 1, -1, 2, -2, 5, 7, 8, 9, -9, 63, 64, 100, -100, 16_384, 100_000, -100_000, b"9223372036854775807", b"-9223372036854775808",
           b"9223372036854775808", b"a", b"", b"1.5"]

OFFSETS = [0, 0, 1, 2, 3, 5, 10, 50, 300, 1_000, 20_000, -1, 536_870_912, b"9223372036854775807", b"9223372036854775808", b"a", b""]

BIT_OFFSETS = [0, 1, 2, 3, 5, 7, 8, 9, 15, 31, 64, 100, 1_000, 8_191, 131_072, 200_000, -1, 4_294_967_296, b"9223372036854775807", b"9223372036854775808", b"a",
               b"", b"#1", b"#a"]

FIELD_TYPES = [b"u1", b"u2", b"u8", b"i8", b"i5", b"u13", b"i16", b"u32", b"i32", b"u63", b"i64", b"i1", b"u64", b"i65", b"u0", b"i0", b"x8", b"U8", b"", b"i", b"u-1"]

FIELD_OFFSETS = [0, 1, 3, 7, 8, 10, 64, 100, b"#0", b"#1", b"#2", b"#10"]

SHORT_KEYS = [b"alike:1", b"alike:2", b"alike:3"]

JUNK_WORDS = [b"", b"foo", b"NX", b"XX", b"GT", b"LT", b"GET", b"KEEPTTL", b"MATCH", b"COUNT", b"-1", b"99999999999999999999", b"*", b"\xff\xfe"]

PATTERNS = [b"*", b"key:*", b"*:1", b"h?llo", b"h[ae]llo", b"h[^e]llo", b"h[a-f]llo", b"h[f-a]llo", b"h\\*llo", b"h\\[llo", b"[", b"h[", b"h[a",
            b"h[^", b"h[]llo", b"a\\", b"\\", b"*l*l*", b"?", b"??????", b"", b"*\xff", b"k*k*k", b"[a-z]*[0-9]", b"-1", b"{*}*", b"*[^a-z]"]

TYPES_OF_VALUES = ["string", "STRING", "list", "hash", "set", "zset", "stream", "none", "foo", ""]

NAMES_OF_COMMANDS = [b"get", b"SET", b"mget", b"MSET", b"del", b"expire", b"incrby", b"ping", b"echo", b"dbsize", b"scan", b"flushall", b"nosuch",
                     b"bitop", b"lcs", b"rename", b"copy", b"move", b"msetnx", b"getex", b"bitfield", b"restore", b"object|encoding", b"object", b"setex",
                     b"getdel", b"setrange", b"getrange", b"substr", b"lcs", b"setbit", b"bitcount", b"bitpos", b"unlink", b"exists", b"touch", b"type", b"dump",
                     b"randomkey", b"swapdb", b"select", b"keys", b"persist", b"ttl", b"pexpireat", b"expiretime", b"incrbyfloat", b"append", b"strlen",
                     b"getset", b"config|get", b"client|list", b"client|nosuch", b"slowlog", b"latency|histogram", b"hello", b"auth", b"reset", b"time",
                     b"role", b"readonly", b"cluster|info", b"GETBIT", b"shutdown"]

# Commands of redis-server that are not there yet. When one is added, move it to makers().
UNIMPLEMENTED = [b"LPUSH", b"RPUSH", b"HSET", b"SADD", b"ZADD", b"MULTI", b"EXEC", b"EVAL", b"SUBSCRIBE", b"XADD", b"PFADD", b"GEOADD", b"SORT", b"LPOP",
                 b"BLPOP", b"HGETALL", b"SMEMBERS", b"ZRANGE", b"XREAD", b"PFCOUNT", b"GEOSEARCH", b"WATCH", b"DISCARD", b"SCRIPT", b"EVALSHA", b"FCALL",
                 b"FUNCTION", b"PUBLISH", b"PSUBSCRIBE", b"MIGRATE", b"SAVE", b"BGSAVE", b"LASTSAVE", b"REPLICAOF", b"MODULE", b"PSYNC", b"FAILOVER"]

CONTAINERS = (b"client", b"config", b"command", b"object", b"slowlog", b"cluster", b"latency")

# Each ends the connection, after the error that redis-server gives for it.
BROKEN_REQUESTS = [b"*x\r\n", b"*2\r\n$3\r\nGET\r\n:1\r\n", b"*1\r\n$x\r\n", b"*1\r\n$-1\r\n", b"*1\r\n$536870913\r\n", b'GET "a\r\n', b"GET 'a\r\n",
                   b'SET "a"b c\r\n', b"*99999999999999999999\r\n", b"*+1\r\n", b"*1.5\r\n", b"*1\r\nPING\r\n", b"*1\r\n\r\n",
                   b"*1\r\n$+4\r\n", b"*1\r\n$ 4\r\n", b"*1\r\n$-2\r\n", b"*1\r\n$99999999999999999999\r\n", b"*1\r\n*1\r\n", b"A" * 65_537,
                   b"*" + b"1" * 65_536, b"*1\r\n$" + b"1" * 65_537, b'PING "\\x4\r\n',
                   b"*1\r\n$04\r\nPING\r\n", b"* 1\r\n", b"PING\r\n*1\r\n!4\r\nPING\r\n"]

HTTP_REQUESTS = [b"POST / HTTP/1.1\r\n", b"Host: example.com\r\n", b"*2\r\n$4\r\npost\r\n$1\r\n/\r\n"]


def makers(stream):
    """(weight, function that returns the words of a command), for every command."""
    return [*_string_makers(stream), *_part_makers(stream), *_counter_makers(stream), *_bitmap_makers(stream), *_key_makers(stream),
            *_expiry_makers(stream), *_moving_makers(stream), *_dump_makers(stream), *_connection_makers(stream), *_server_makers(stream),
            *vocabulary_administration.makers(stream), *vocabulary_calls.makers(stream)]


def _string_makers(stream):
    def set_options():
        options = []
        while stream.chance(0.35) and len(options) < 5:
            kind = stream.choice(("NX", "xx", "GET", "keepttl", "EX", "px", "EXAT", "PXAT", "FOO", "PERSIST"))
            options.append(kind)
            if kind in ("EX", "px", "EXAT", "PXAT") and stream.chance(0.05):
                break  # without its number
            if kind in ("EX", "px"):
                options.append(stream.expiry_number(1 if kind == "EX" else 1_000))
            elif kind in ("EXAT", "PXAT"):
                options.append(_moment(stream, 1 if kind == "EXAT" else 1_000))
        return options

    def getex_options():
        options = []
        while stream.chance(0.4) and len(options) < 4:
            kind = stream.choice(("EX", "px", "EXAT", "pxat", "PERSIST", "persist", "KEEPTTL", "FOO", "NX", "GET"))
            options.append(kind)
            if kind in ("EX", "px", "EXAT", "pxat") and stream.chance(0.1):
                break  # without its number
            if kind in ("EX", "px"):
                options.append(stream.expiry_number(1 if kind == "EX" else 1_000))
            elif kind in ("EXAT", "pxat"):
                options.append(_moment(stream, 1 if kind == "EXAT" else 1_000))
        return options

    return [
        (4, lambda: ("SETEX", stream.key(), stream.expiry_number(1), stream.value())),
        (3, lambda: ("PSETEX", stream.key(), stream.expiry_number(1_000), stream.value())),
        (4, lambda: ("SETNX", stream.key(), stream.value())),
        (4, lambda: ("GETSET", stream.key(), stream.value())),
        (4, lambda: ("GETDEL", stream.key())),
        (5, lambda: ("GETEX", stream.key(), *getex_options())),
        (3, lambda: ("MSETNX", *(word for key in stream.keys(3) for word in (key, stream.value())))),
        (12, lambda: ("GET", stream.key())),
        (14, lambda: ("SET", stream.key(), stream.value(), *set_options())),
        (3, lambda: ("MGET", *stream.keys())),
        (3, lambda: ("MSET", *(word for key in stream.keys() for word in (key, stream.value())))),
        (4, lambda: ("APPEND", stream.key(), stream.value())),
        (3, lambda: ("STRLEN", stream.key())),
    ]


def _moment(stream, scale):
    """An expiry as a Unix time in units of 1/scale seconds: far ahead, or none."""
    return stream.choice(((10_000_000_000 + stream.distant_seconds()) * scale, (10_000_000_000 + stream.distant_seconds()) * scale, 0, -1, b"a",
                          b"9223372036854775807"))


def _part_makers(stream):
    def lcs():
        options = []
        while stream.chance(0.5) and len(options) < 4:
            options += stream.choice((("LEN",), ("idx",), ("WITHMATCHLEN",), ("MINMATCHLEN", stream.choice((0, 1, 2, 4, -1, b"a"))), ("IDX",), ("FOO",),
                                      ("MINMATCHLEN",)))
        return options

    def index():
        return stream.choice(INDEXES)

    return [
        (4, lambda: ("GETRANGE", stream.key(), index(), index())),
        (2, lambda: ("SUBSTR", stream.key(), index(), index())),
        (5, lambda: ("SETRANGE", stream.key(), stream.choice(OFFSETS), stream.value())),
        (3, lambda: ("LCS", stream.choice(SHORT_KEYS), stream.choice((*SHORT_KEYS, b"alike:none")), *lcs())),
        (4, lambda: ("SET", stream.choice(SHORT_KEYS), stream.words_alike())),
    ]


def _bitmap_makers(stream):
    def bit_range():
        words = []
        if stream.chance(0.7):
            words += [stream.choice(INDEXES), stream.choice(INDEXES)]
            if stream.chance(0.5):
                words.append(stream.choice(("BYTE", "bit", "BIT", "FOO")))
        elif stream.chance(0.2):
            words.append(stream.choice(INDEXES))
        return words

    def field():
        kind = stream.choice(("GET", "set", "INCRBY", "incrby", "OVERFLOW", "get"))
        if kind == "OVERFLOW":
            return (kind, stream.choice(("WRAP", "sat", "FAIL", "FOO") if stream.chance(0.1) else ("WRAP", "sat", "FAIL")))
        words = (kind, stream.choice(FIELD_TYPES), stream.choice(BIT_OFFSETS if stream.chance(0.2) else FIELD_OFFSETS))
        return words if kind in ("GET", "get") else (*words, stream.field_number())

    def bitfield(name):
        words = [name, stream.key()]
        for _ in range(stream.choice((0, 1, 1, 2, 3, 5))):
            words += field() if name == "BITFIELD" or stream.chance(0.2) else ("GET", stream.choice(FIELD_TYPES), stream.choice(FIELD_OFFSETS))
        return words

    return [
        (6, lambda: ("SETBIT", stream.key(), stream.choice(BIT_OFFSETS), stream.choice((0, 1, 1, 1, 2, -1, b"a", b"")))),
        (5, lambda: ("GETBIT", stream.key(), stream.choice(BIT_OFFSETS))),
        (5, lambda: ("BITCOUNT", stream.key(), *bit_range())),
        (5, lambda: ("BITPOS", stream.key(), stream.choice((0, 1, 0, 1, 0, 1, 2, b"a")), *bit_range())),
        (5, lambda: ("BITOP", stream.choice(("AND", "or", "XOR", "NOT", "FOO")), stream.key(), *stream.keys(4))),
        (1, lambda: ("BITOP", "not", stream.key(), stream.key())),
        (6, lambda: bitfield("BITFIELD")),
        (2, lambda: bitfield("BITFIELD_RO")),
    ]


def _expiry_makers(stream):
    def expire_at(name, scale):
        options = [stream.choice(("NX", "XX", "gt", "LT", "FOO")) for _ in range(stream.choice((0, 0, 1, 1, 2)))]
        return (name, stream.key(), _moment(stream, scale), *options)

    return [
        (4, lambda: expire_at("EXPIREAT", 1)),
        (3, lambda: expire_at("PEXPIREAT", 1_000)),
        (3, lambda: ("EXPIRETIME", stream.key())),
        (3, lambda: ("PEXPIRETIME", stream.key())),
    ]


def _moving_makers(stream):
    def database():
        return stream.choice((0, 1, 1, 2, 15, 16, -1, b"a", b"", 1 << 31, b"99999999999999999999"))

    def copy():
        options = []
        while stream.chance(0.5) and len(options) < 4:
            options += stream.choice((("REPLACE",), ("replace",), ("DB", database()), ("db", 1), ("FOO",), ("DB",)))
        return ("COPY", stream.key(), stream.key(), *options)

    return [
        (5, lambda: ("RENAME", stream.key(), stream.key())),
        (4, lambda: ("RENAMENX", stream.key(), stream.key())),
        (5, copy),
        (4, lambda: ("MOVE", stream.key(), database())),
        (3, lambda: ("TOUCH", *stream.keys(4))),
        (2, lambda: ("RANDOMKEY",)),
        (3, lambda: ("OBJECT", *stream.choice((("ENCODING", stream.key()), ("encoding", stream.key()), ("REFCOUNT", stream.key()),
                                                ("IDLETIME", stream.key()), ("FREQ", stream.key()), ("HELP",), ("FOO", stream.key()),
                                                ("ENCODING",), ("ENCODING", stream.key(), "x"))))),
    ]


def _dump_makers(stream):
    def options():
        words = []
        while stream.chance(0.4) and len(words) < 5:
            words += stream.choice((("REPLACE",), ("replace",), ("IDLETIME", stream.choice((0, 5, -1, b"a"))),
                                    ("FREQ", stream.choice((0, 5, 255, 256, -1, b"a"))), ("FOO",), ("IDLETIME",)))
        return words

    def restore():
        words = options()
        if stream.chance(0.3):
            return ("RESTORE", stream.key(), _moment(stream, 1_000), stream.payload(), "ABSTTL", *words)
        return ("RESTORE", stream.key(), stream.choice((0, 0, 0, stream.distant_seconds() * 1_000, -1, b"a")), stream.payload(), *words)

    return [(4, lambda: ("DUMP", stream.key())), (6, restore)]


def _counter_makers(stream):
    def float_number():
        return stream.choice(FLOATS) if stream.chance(0.7) else stream.number()

    return [
        (6, lambda: ("INCRBYFLOAT", stream.key(), float_number())),
        (3, lambda: ("SET", stream.key(), float_number())),
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
            options += stream.choice((("MATCH", stream.choice(PATTERNS)), ("count", stream.choice((1, 2, 7, 100, 10_000, 0, -1, b"a", b"9223372036854775807"))),
                                      ("TYPE", stream.choice(TYPES_OF_VALUES)), ("FOO", 1), ("MATCH",), ("COUNT",), ("TYPE",)))
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
