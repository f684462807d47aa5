"""Every command with words that it may not expect: too few, too many, options of others, numbers that are none.

The makers of vocabulary.py send what mostly is right; here little is.
"""

# By name, the most words that follow it. What waits, ends something or walks is left to the makers of its own. Newer ones than the
# reference's are too: tests/e2e holds those to what is written down.
MOST_WORDS = {
    "get": 2, "set": 8, "setex": 4, "psetex": 4, "setnx": 3, "getset": 3, "getdel": 2, "getex": 5, "mget": 4, "mset": 6, "msetnx": 6, "append": 3, "strlen": 2,
    "getrange": 4, "substr": 4, "setrange": 4, "incr": 2, "decr": 2, "incrby": 3, "decrby": 3, "incrbyfloat": 3, "setbit": 4, "getbit": 3, "bitcount": 5,
    "bitpos": 6, "bitop": 5, "bitfield": 8, "bitfield_ro": 5, "del": 4, "unlink": 4, "exists": 4, "touch": 4, "type": 2, "ttl": 2, "pttl": 2, "expire": 5,
    "pexpire": 5, "expireat": 5, "pexpireat": 5, "expiretime": 2, "pexpiretime": 2, "persist": 2, "rename": 3, "renamenx": 3, "copy": 6, "move": 3,
    "randomkey": 1, "dbsize": 1, "keys": 2, "dump": 2, "restore": 6, "swapdb": 3, "select": 2, "echo": 2, "ping": 2, "auth": 3, "hello": 6, "time": 1, "role": 1,
    "object": 4,
}

OPTIONS = (b"NX", b"xx", b"GT", b"lt", b"EX", b"px", b"EXAT", b"PXAT", b"KEEPTTL", b"GET", b"PERSIST", b"REPLACE", b"DB", b"ABSTTL", b"IDLETIME", b"FREQ",
           b"BYTE", b"bit", b"SET", b"INCRBY", b"OVERFLOW", b"WRAP", b"sat", b"FAIL", b"u8", b"i16", b"#1", b"AND", b"NOT", b"AUTH", b"SETNAME",
           b"ENCODING", b"REFCOUNT", b"MATCH", b"COUNT", b"LEN", b"IDX")

# None of these is a time that comes during a run, or one that has just passed: see distant_seconds() of the generator.
NUMBERS = (b"0", b"-1", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808", b"1.5", b"", b"a", b"1e3", b" 1", b"+1", b"00")
PLAIN_NUMBERS = (*NUMBERS, b"1", b"2", b"3", b"7", b"100")
SETS_A_TIME = frozenset(("set", "setex", "psetex", "getex", "expire", "pexpire", "expireat", "pexpireat", "restore"))


def makers(stream):
    return [(15, lambda: _call(stream))]


def _call(stream):
    name = stream.choice(tuple(MOST_WORDS))
    numbers = NUMBERS if name in SETS_A_TIME else PLAIN_NUMBERS
    words = [stream.key()] if stream.chance(0.8) else []
    while len(words) < MOST_WORDS[name] and stream.chance(0.75):
        words.append(stream.choice((stream.key, lambda: stream.choice(numbers), lambda: stream.choice(OPTIONS)))())
    if name in SETS_A_TIME:
        words[1:] = [word for word in words[1:] if word != b"5"]  # a key that is a time too
    return (name, *words)
