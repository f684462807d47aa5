"""Bitmaps: SETBIT GETBIT BITCOUNT BITPOS BITOP BITFIELD BITFIELD_RO."""

import random
import threading

import pytest

from resp_connection import OK, Error

SYNTAX = Error("ERR syntax error")
NOT_AN_INTEGER = Error("ERR value is not an integer or out of range")
BAD_OFFSET = Error("ERR bit offset is not an integer or out of range")
LARGE = 16 * 1024  # values of so many bytes lie in a block of their own


def run_script(connection, script):
    """Each step is (words of a command, expected reply)."""
    for step, (words, reply) in enumerate(script):
        assert connection.call(*words) == reply, f"step {step}: {words}"


def bits_of(value):
    return "".join(f"{byte:08b}" for byte in value)


@pytest.mark.parametrize("size", [0, 3, LARGE + 5])
def test_setbit_getbit(connection, size):
    value = bytearray(b"\x55" * size)
    if size:
        connection.call("SET", "k", bytes(value), "EX", 1_000)
    for offset in (7, 0, 8 * size, 8 * size + 1_000, 8 * size + 900_000, 5, 8 * size + 17):
        for bit in (1, 1, 0, 1):
            value.extend(bytes(max(0, offset // 8 + 1 - len(value))))
            before = value[offset // 8] >> 7 - offset % 8 & 1
            assert connection.call("GETBIT", "k", offset) == before
            assert connection.call("SETBIT", "k", offset, bit) == before
            value[offset // 8] = value[offset // 8] & ~(0x80 >> offset % 8) | bit << 7 - offset % 8
    assert connection.call("GET", "k") == bytes(value)
    assert connection.call("TTL", "k") == (1_000 if size else -1)
    assert connection.call("GETBIT", "k", 4_294_967_295) == 0
    assert connection.call("SETBIT", "empty", 9, 0) == 0
    assert connection.call("GET", "empty") == b"\0\0"


@pytest.mark.parametrize("words, reply", [
    (("SETBIT", "k", "-1", "1"), BAD_OFFSET), (("SETBIT", "k", "a", "1"), BAD_OFFSET), (("SETBIT", "k", 1 << 32, "1"), BAD_OFFSET),
    (("SETBIT", "k", "#1", "1"), BAD_OFFSET), (("GETBIT", "k", 1 << 32), BAD_OFFSET), (("GETBIT", "k", ""), BAD_OFFSET),
    (("SETBIT", "k", "0", "2"), Error("ERR bit is not an integer or out of range")),
    (("SETBIT", "k", "0", "a"), Error("ERR bit is not an integer or out of range")),
    (("BITCOUNT", "k", "0"), SYNTAX), (("BITCOUNT", "k", "0", "1", "FOO"), SYNTAX), (("BITCOUNT", "k", "0", "1", "BIT", "x"), SYNTAX),
    (("BITCOUNT", "k", "a", "1"), NOT_AN_INTEGER), (("BITPOS", "k", "2"), Error("ERR The bit argument must be 1 or 0.")),
    (("BITPOS", "k", "x"), NOT_AN_INTEGER), (("BITPOS", "k", "1", "0", "1", "FOO"), SYNTAX), (("BITPOS", "k", "1", "a"), NOT_AN_INTEGER),
    (("BITOP", "FOO", "k", "k"), SYNTAX), (("BITOP", "NOT", "k", "k", "k"), Error("ERR BITOP NOT must be called with a single source key.")),
    (("BITFIELD", "k", "FOO"), SYNTAX), (("BITFIELD", "k", "GET", "u8"), SYNTAX), (("BITFIELD", "k", "SET", "u8", "0"), SYNTAX),
    (("BITFIELD", "k", "OVERFLOW", "FOO"), Error("ERR Invalid OVERFLOW type specified")), (("BITFIELD", "k", "GET", "u8", "-1"), BAD_OFFSET),
    (("BITFIELD", "k", "SET", "u8", "0", "a"), NOT_AN_INTEGER), (("BITFIELD", "k", "GET", "u8", "#a"), BAD_OFFSET),
    (("BITFIELD_RO", "k", "SET", "u8", "0", "1"), Error("ERR BITFIELD_RO only supports the GET subcommand")),
])
def test_refuses(connection, words, reply):
    connection.call("SET", "k", "v")
    assert connection.call(*words) == reply
    assert connection.call("GET", "k") == b"v"


@pytest.mark.parametrize("encoding", ["u0", "u64", "i65", "x8", "U8", "", "u", "u-1"])
def test_bitfield_types(connection, encoding):
    text = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
    assert connection.call("BITFIELD", "k", "GET", encoding, 0) == Error(text)


@pytest.mark.parametrize("size", [1, 30, LARGE * 30])
def test_bitcount_bitpos(connection, size):
    """Every kind of range, against the text of the bits."""
    chance = random.Random(size)
    value = bytes(chance.choice((0, 0, 255, 255, 16)) for _ in range(size))
    connection.call("SET", "k", value)
    bits = bits_of(value)
    assert connection.call("BITCOUNT", "k") == bits.count("1")
    for bit in "01":
        found = bits.find(bit)
        assert connection.call("BITPOS", "k", bit) == (found if found >= 0 else 8 * size if bit == "0" else -1)
    for _ in range(60):
        unit = chance.choice(("BYTE", "BIT"))
        length = size * (1 if unit == "BYTE" else 8)
        start, end = (chance.randint(-length - 2, length + 2) for _ in range(2))
        first, last = (max(length + index, 0) if index < 0 else index for index in (start, end))
        scale = 8 if unit == "BYTE" else 1
        part = bits[first * scale:(min(last, length - 1) + 1) * scale]
        backwards = start < 0 and end < 0 and start > end
        assert connection.call("BITCOUNT", "k", start, end, unit) == (0 if backwards else part.count("1")), (start, end, unit)
        for bit in "01":
            found = part.find(bit)
            assert connection.call("BITPOS", "k", bit, start, end, unit) == (first * scale + found if found >= 0 else -1), (bit, start, end, unit)


def test_bitcount_bitpos_of_nothing(connection):
    connection.call("SET", "empty", "")
    connection.call("SET", "ones", b"\xff" * 3)
    run_script(connection, [
        (("BITCOUNT", "none"), 0), (("BITCOUNT", "empty"), 0), (("BITCOUNT", "none", 0, -1, "BIT"), 0), (("BITPOS", "none", 1), -1),
        (("BITPOS", "none", 0), 0), (("BITPOS", "empty", 1), -1), (("BITPOS", "empty", 0), -1), (("BITPOS", "ones", 0), 24),
        (("BITPOS", "ones", 0, 1), 24), (("BITPOS", "ones", 0, 0, -1), -1), (("BITPOS", "ones", 0, 5), -1),
    ])


# BITOP -------------------------------------------------------------------------------------------------------------------

OPERATIONS = {
    "AND": all, "OR": any, "XOR": lambda bits: sum(bits) % 2, "NOT": lambda bits: not bits[0], "DIFF": lambda bits: bits[0] and not any(bits[1:]),
    "DIFF1": lambda bits: not bits[0] and any(bits[1:]), "ANDOR": lambda bits: bits[0] and any(bits[1:]), "ONE": lambda bits: sum(bits) == 1,
}
NEWER = ("DIFF", "DIFF1", "ANDOR", "ONE")


@pytest.mark.parametrize("operation", [pytest.param(name, marks=pytest.mark.strata_only) if name in NEWER else name for name in OPERATIONS])
@pytest.mark.parametrize("sizes", [(20, 7, 0), (5, 20, 11), (LARGE + 3, 100, LARGE * 2)])
def test_bitop(connection, operation, sizes):
    chance = random.Random(repr(sizes))
    sources = [chance.randbytes(size) for size in sizes][:1 if operation == "NOT" else 3]
    names = [f"source{i}" for i in range(len(sources))]
    for name, source in zip(names, sources):
        if source:
            connection.call("SET", name, source)
    connection.call("SET", "to", "old", "EX", 1_000)
    length = max(map(len, sources))
    assert connection.call("BITOP", operation.lower(), "to", *names) == length
    columns = zip(*(bits_of(source.ljust(length, b"\0")) for source in sources))
    expected = "".join("1" if OPERATIONS[operation]([bit == "1" for bit in column]) else "0" for column in columns)
    assert bits_of(connection.call("GET", "to")) == expected
    assert connection.call("TTL", "to") == -1
    assert connection.call("BITOP", operation, names[0], *names) == length  # into its own source
    assert bits_of(connection.call("GET", names[0])) == expected


@pytest.mark.strata_only
def test_bitop_needs_sources(connection):
    for operation in ("DIFF", "diff1", "ANDOR"):
        assert connection.call("BITOP", operation, "to", "a") == Error(f"ERR BITOP {operation.upper()} must be called with at least two source keys.")
    connection.call("SET", "a", b"\x0f")
    assert connection.call("BITOP", "ONE", "to", "a") == 1
    assert connection.call("GET", "to") == b"\x0f"


def test_bitop_of_nothing_removes(connection):
    connection.call("SET", "to", "old")
    assert connection.call("BITOP", "AND", "to", "none", "none2") == 0
    assert connection.call("EXISTS", "to") == 0


def test_bitop_is_atomic(server):
    """Two large sources that are always equal; what is combined of them shows no moment at which they are not."""
    done = threading.Event()

    def change():
        with server.connect() as writer:
            fill = 0
            while not done.is_set():
                fill = (fill + 1) % 256
                writer.call("MSET", "a", bytes([fill]) * 300_000, "b", bytes([fill]) * 300_000)

    thread = threading.Thread(target=change)
    with server.connect() as connection:
        connection.call("MSET", "a", b"x" * 300_000, "b", b"x" * 300_000)
        thread.start()
        try:
            for _ in range(60):
                assert connection.call("BITOP", "XOR", "to", "a", "b") == 300_000
                assert connection.call("BITCOUNT", "to") == 0
        finally:
            done.set()
            thread.join()


# BITFIELD ----------------------------------------------------------------------------------------------------------------


def test_bitfield(connection):
    run_script(connection, [
        (("BITFIELD", "k"), []), (("BITFIELD", "k", "GET", "u8", 0, "GET", "i64", "#3"), [0, 0]), (("EXISTS", "k"), 0),
        (("BITFIELD", "k", "SET", "u8", 0, 255, "GET", "u4", 0, "GET", "i8", 0), [0, 15, -1]), (("GET", "k"), b"\xff"),
        (("BITFIELD", "k", "INCRBY", "i5", 100, 1, "GET", "u4", 0), [1, 15]), (("STRLEN", "k"), 14),
        (("BITFIELD", "k", "SET", "i64", "#1", -(2**63), "GET", "i64", 64), [1 << 23, -(2**63)]),
        (("BITFIELD_RO", "k", "GET", "u8", 0, "GET", "u1", "#7"), [255, 1]),
    ])


def test_bitfield_overflow(connection):
    run_script(connection, [
        (("BITFIELD", "k", "SET", "u8", 0, 250), [0]),
        (("BITFIELD", "k", "OVERFLOW", "FAIL", "INCRBY", "u8", 0, 10, "OVERFLOW", "SAT", "INCRBY", "u8", 0, 10, "INCRBY", "u8", 0, -300,
          "OVERFLOW", "WRAP", "INCRBY", "u8", 0, -1), [None, 255, 0, 255]),
        (("BITFIELD", "k", "OVERFLOW", "SAT", "SET", "i8", 8, 1_000, "SET", "i8", 8, -1_000, "OVERFLOW", "FAIL", "SET", "i8", 8, 128, "OVERFLOW",
          "WRAP", "SET", "i8", 8, 200, "GET", "i8", 8), [0, 127, None, -128, -56]),
        (("BITFIELD", "k", "OVERFLOW", "SAT", "SET", "u8", 16, -1, "GET", "u8", 16), [0, 255]),
        (("BITFIELD", "k", "SET", "i64", "#1", 2**63 - 1, "OVERFLOW", "FAIL", "INCRBY", "i64", "#1", 1, "OVERFLOW", "SAT", "INCRBY", "i64", "#1", 1,
          "OVERFLOW", "WRAP", "INCRBY", "i64", "#1", 1), [0, None, 2**63 - 1, -(2**63)]),
        (("BITFIELD", "k", "SET", "u63", "#3", 2**63 - 1, "OVERFLOW", "SAT", "INCRBY", "u63", "#3", 5), [0, 2**63 - 1]),
    ])
    # What fails still makes room, as in Redis.
    assert connection.call("BITFIELD", "other", "OVERFLOW", "FAIL", "SET", "u2", 6, 5) == [None]
    assert connection.call("GET", "other") == b"\0"


def test_bitfield_of_large_values(connection):
    value = bytearray(b"\x11" * (LARGE * 2))
    connection.call("SET", "k", bytes(value), "EX", 1_000)
    assert connection.call("BITFIELD", "k", "SET", "u16", 8 * 20_000, 0xABCD, "INCRBY", "u8", 8 * len(value), 7) == [0x1111, 7]
    value[20_000:20_002] = b"\xab\xcd"
    assert connection.call("GET", "k") == bytes(value) + b"\7"
    assert connection.call("TTL", "k") == 1_000


def test_bitfield_resp3(resp3):
    assert resp3.call_bytes("BITFIELD", "k", "OVERFLOW", "FAIL", "SET", "u2", 0, 5, "GET", "u2", 0) == b"*2\r\n_\r\n:0\r\n"


def test_expired_bitmaps_are_gone(connection):
    for words, reply in ((("GETBIT", "k", 0), 0), (("BITCOUNT", "k"), 0), (("BITPOS", "k", 1), -1), (("BITFIELD_RO", "k", "GET", "u8", 0), [0]),
                         (("SETBIT", "k", 1, 1), 0), (("BITFIELD", "k", "INCRBY", "u8", 0, 1), [1])):
        assert connection.call("SET", "k", b"\xff") == OK
        assert connection.call("PEXPIREAT", "k", 1) == 1
        assert connection.call(*words) == reply
        connection.call("DEL", "k")


def lookups(connection, *words):
    """The hits and misses of one command."""
    connection.call("CONFIG", "RESETSTAT")
    assert not isinstance(connection.call(*words), Error), words
    info = connection.call("INFO", "stats").decode()
    return tuple(int(info.split(f"keyspace_{name}:")[1].split()[0]) for name in ("hits", "misses"))


# Small sources are combined at once, large ones in slices.
@pytest.mark.parametrize("size", [1, 3 << 20])
def test_bitop_counts_each_source_as_a_lookup(connection, size):
    connection.call("MSET", "a", "x" * size, "b", "y" * size)
    assert lookups(connection, "BITOP", "AND", "to", "a", "b") == (2, 0)
    assert lookups(connection, "BITOP", "OR", "to", "a", "none", "a", "none") == (2, 2)
    assert lookups(connection, "BITOP", "NOT", "to", "none") == (0, 1)
    assert lookups(connection, "BITOP", "XOR", "a", "a", "b", "none") == (2, 1)  # what is written is none
