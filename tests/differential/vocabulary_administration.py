"""Commands on the server, its settings, its logs and its connections, with every subcommand, right and wrong."""

# Settings that both servers have, with what they are set to before a stream, and what a stream sets them to. Nothing may be evicted,
# logged as slow or disconnected as idle meanwhile: that would depend on the time. A size that is empty, or has a unit alone, or does not
# fit into 64 bits is 0 or any other to redis-server, and an error here.
SETTINGS = {
    "maxmemory": (1 << 30, ("1gb", "2GB", "2g", 3_000_000_000, "-1", "1.5gb", "foo")),
    "maxmemory-policy": ("noeviction", ("noeviction", "allkeys-random", "foo", "")),
    "maxmemory-samples": (5, (5, 10, 1, 0, -1, "a", "")),
    "maxclients": (1_000, (1_000, 500, 0, -1, "a")),
    "timeout": (0, (0, 10_000, -1, "a", "", "1.5")),
    "tcp-keepalive": (300, (300, 60, 0, -1, "a")),
    "slowlog-log-slower-than": (-1, (-1, 2_000_000_000, "a", "")),
    "slowlog-max-len": (128, (128, 10, 1, 0, -1, "a")),
    "latency-monitor-threshold": (0, (0, 1_000_000, -1, "a")),
    "proto-max-bulk-len": (512 << 20, ("512mb", "1mb", 536_870_912, 1_024, "a")),
    "client-query-buffer-limit": (1 << 30, ("1gb", "16mb", 1_024, "a")),
    "requirepass": ("", ("",)),
}

# Patterns that match the same names on both.
PATTERNS_OF_SETTINGS = ("maxmemory-p*", "slowlog-*", "timeou?", "maxc*", "database[s]", "latency-monitor-*", "nosuch*", "MAXMEMORY-POL*", "[", "")

# Names of commands, by pattern, that are the same on both.
PATTERNS_OF_COMMANDS = ("set*", "get*", "incr*", "m[gs]et", "*bit*", "nosuch*", "config|*", "object|*", "slowlog|*", "latency|*", "GET",
                        "expire*", "[gs]et", "")

CONTAINERS = ("CLIENT", "CONFIG", "COMMAND", "OBJECT", "SLOWLOG", "LATENCY", "CLUSTER", "MEMORY", "ACL")

CLUSTER = ("addslots", "addslotsrange", "bumpepoch", "count-failure-reports", "countkeysinslot", "delslots", "delslotsrange", "failover", "flushslots",
           "forget", "getkeysinslot", "info", "keyslot", "links", "meet", "myid", "nodes", "replicas", "replicate", "reset", "saveconfig",
           "set-config-epoch", "setslot", "shards", "slaves", "slots", "foo")

# No client has this number, no connection this address.
NOBODY, NOWHERE = 9_000_000_000_000, "192.0.2.1:1"


def makers(stream):
    """(weight, function that returns the words of a command)."""
    return [
        (2, lambda: _client(stream)),
        (1, lambda: ("CLIENT", "KILL", *_kill(stream))),
        (2, lambda: _config_get(stream)),
        (3, lambda: _config_set(stream)),
        (0.2, lambda: ("CONFIG", *stream.choice((("REWRITE",), ("REWRITE", "x"), ("SET", "timeout", 0, "timeout", 0), ("GET",), ("SET", "maxmemory"))))),
        (1, lambda: ("SLOWLOG", *stream.choice((("LEN",), ("GET",), ("get", 0), ("GET", 1), ("GET", -1), ("GET", -2), ("GET", "a"), ("GET", 1, 2), ("RESET",),
                                                ("LEN", "x"), ("FOO",), ("GET", ""))))),
        (1, lambda: ("LATENCY", *stream.choice((("LATEST",), ("latest", "x"), ("HISTORY", "command"), ("HISTORY", "nosuch"), ("HISTORY",), ("RESET",),
                                                ("RESET", "command", "x"), ("GRAPH", "command"), ("GRAPH",), ("DOCTOR",), ("DOCTOR", "x"), ("FOO",),
                                                ("HISTOGRAM", "nosuch"), ("HISTOGRAM", *stream.some(stream.names_of_commands(), 3)))))),
        (1, lambda: ("CLUSTER", stream.choice(CLUSTER), *stream.some((1, 2, b"a", b"", "NODE"), 3))),
        (0.3, lambda: (stream.choice(("READONLY", "readwrite", "Asking")), *stream.some((b"x",), 1))),
        (0.5, lambda: (stream.choice(CONTAINERS), *stream.choice((("HELP",), ("help",), ("HELP", "x"), (), ("",), ("no\r\nsuch", "x"), ("y" * 200,))))),
        (2, lambda: _command(stream)),
        (1, lambda: ("INFO", *stream.some(("keyspace", "KEYSPACE", "commandstats", "errorstats", "default", "everything", "nosuch"), 2))),
        (0.5, lambda: ("MEMORY", *stream.choice((("USAGE", "nosuch"), ("USAGE", "nosuch", "SAMPLES", 0), ("USAGE", "nosuch", "SAMPLES", -1), ("USAGE",),
                                                 ("USAGE", "nosuch", "SAMPLES"), ("usage", "nosuch", "SAMPLES", "x"), ("STATS",), ("STATS", "x"), ("DOCTOR",),
                                                 ("MALLOC-STATS",), ("PURGE",), ("PURGE", "x"), ("FOO",))))),
        (0.3, lambda: ("WAIT", *stream.choice(((0, 0), (-1, 5), ("a", 0), (0, "a"), (0, -1), (0,), ())))),
        (0.2, lambda: ("LOLWUT", *stream.choice(((), ("VERSION", 5, 1, 1, 1), ("version", "x"))))),
        (1, lambda: ("ACL", *_acl(stream))),
        (0.3, lambda: ("ROLE", *stream.some((b"x",), 1))),
        (0.3, lambda: ("TIME", "x")),
        (0.3, lambda: ("HELLO", 3, *(word for _ in range(2) for word in stream.choice((("SETNAME", b"w" * 64), ("setname", b"\xff"), ("AUTH", "default", b""),
                                                                                       ("SETNAME", b""), ())))),),
    ]


def _client(stream):
    return ("CLIENT", *stream.choice((
        ("GETREDIR",), ("TRACKINGINFO",), ("trackinginfo", "x"), ("NO-EVICT", "on"), ("no-evict", "OFF"), ("NO-EVICT", "foo"), ("NO-EVICT",),
        ("UNBLOCK", NOBODY), ("UNBLOCK", NOBODY, "TIMEOUT"), ("UNBLOCK", NOBODY, "error"), ("UNBLOCK", NOBODY, "foo"), ("UNBLOCK", "a"),
        ("UNBLOCK", -1), ("UNBLOCK",), ("UNBLOCK", 1, 2, 3), ("SETNAME", b"w" * 64), ("SETNAME", b"\xff\xfe"), ("SETNAME", b"a\nb"), ("SETNAME",),
        ("PAUSE", 0), ("PAUSE", 1, "WRITE"), ("pause", 0, "all"), ("PAUSE", "a"), ("PAUSE", -1), ("PAUSE", 0, "foo"), ("PAUSE", 0, "ALL", "x"), ("PAUSE",),
        ("UNPAUSE",), ("UNPAUSE", "x"), ("REPLY", "ON"), ("reply", "foo"), ("REPLY",), ("GETNAME", "x"), ("INFO", "x"), ("LIST", "ID", NOBODY), ("LIST", "ID", NOBODY, NOBODY), ("LIST", "ID", -1), ("LIST", "ID", ""),
        ("LIST", "TYPE"), ("LIST", "TYPE", "master"), ("LIST", "type", "replica"), ("LIST", "TYPE", "slave"), ("LIST", "TYPE", "normal", "x"))))


def _acl(stream):
    """Nobody is ever made or taken away: connections of the stream act as the default user."""
    return stream.choice((
        ("WHOAMI",), ("whoami", "x"), ("USERS",), ("LIST",), ("CAT",), ("CAT", "string"), ("CAT", "nosuch"), ("CAT", "a", "b"), ("GETUSER", "default"),
        ("GETUSER", "nobody"), ("GETUSER",), ("DELUSER", "nobody"), ("DELUSER", "default"), ("DELUSER",), ("SETUSER", "somebody", "foo"),
        ("SETUSER", "somebody", "+nosuch"), ("SETUSER", "somebody", "+@nosuch"), ("SETUSER", "somebody", "~*", "%X~*"), ("SETUSER",),
        ("DRYRUN", "default", "GET", "k"), ("DRYRUN", "default", "NOSUCH"), ("DRYRUN", "nobody", "GET", "k"), ("DRYRUN", "default"), ("GENPASS",),
        ("GENPASS", 5), ("GENPASS", 0), ("GENPASS", "a"), ("LOG",), ("LOG", "RESET"), ("LOG", 1), ("LOG", "a"), ("LOAD",), ("SAVE",), ("FOO",)))


def _kill(stream):
    filters = (("ID", NOBODY), ("id", 0), ("ID", "a"), ("ID", -1), ("ADDR", NOWHERE), ("laddr", NOWHERE), ("ADDR", ""), ("TYPE", "pubsub"), ("type", "replica"),
               ("TYPE", "foo"), ("USER", "nobody"), ("SKIPME", "yes"), ("SKIPME", "foo"), ("FOO", "x"), ("ID",))
    if stream.chance(0.2):
        return stream.choice(((NOWHERE,), ("a",), ("",), ()))
    # The first never fits anybody: this client and the others live on.
    return (*stream.choice((("ID", NOBODY), ("ADDR", NOWHERE), ("LADDR", NOWHERE), ("addr", ""), ("LADDR", ""), ("TYPE", "pubsub"))),
            *(word for _ in range(stream.choice((0, 1, 2))) for word in stream.choice(filters)))


def _config_get(stream):
    names = [stream.choice((*SETTINGS, "databases", "nosuch")) for _ in range(stream.choice((1, 1, 2, 3)))]
    if stream.chance(0.3):
        names.append(stream.choice(PATTERNS_OF_SETTINGS))
    return ("CONFIG", "GET", *(name.upper() if stream.chance(0.1) else name for name in names))


def _config_set(stream):
    """Mostly settings that exist; now and then the same twice, one that does not exist, one that cannot change."""
    words = []
    for _ in range(stream.choice((1, 1, 1, 2, 3))):
        name = stream.choice(tuple(SETTINGS))
        words += (name, stream.choice(SETTINGS[name][1]))
    if stream.chance(0.1):
        words += stream.choice((("nosuch", 1), ("databases", 3), ("timeout",)))
    return ("CONFIG", "SET", *words)


def _command(stream):
    names = stream.names_of_commands()
    kind = stream.choice(("getkeys", "getkeys", "getkeysandflags", "info", "docs", "list", "list"))
    if kind.startswith("getkeys"):
        return ("COMMAND", kind, stream.choice(names), *stream.some((b"a", b"b", b"1", b"2", b"STORE", b"BYTE"), 5))
    if kind == "list":
        return ("COMMAND", "LIST", *stream.choice((("FILTERBY", "PATTERN", stream.choice(PATTERNS_OF_COMMANDS)), ("filterby", "module", "nosuch"),
                                                   ("FILTERBY", "ACLCAT", "nosuch"), ("FILTERBY", "PATTERN"), ("FILTERBY", "FOO", "x"), ("FILTERBY",),
                                                   ("FILTERBY", "PATTERN", "a", "b"))))
    return ("COMMAND", kind, *stream.some(names, 4), stream.choice(names))
