"""What DUMP answers and RESTORE takes, of strings: the format of RDB files, written and read independently of both servers."""

import struct

VERSION = 10


def to_bytes(word):
    return word if isinstance(word, bytes) else str(word).encode()


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x95AC9329AC4BC9B5 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC_TABLE = _crc_table()


def crc64(data):
    crc = 0
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


def sealed(content, version=VERSION):
    """With the footer that belongs to it."""
    summed = content + struct.pack("<H", version)
    return summed + struct.pack("<Q", crc64(summed))


def length(number):
    if number < 1 << 6:
        return bytes([number])
    if number < 1 << 14:
        return struct.pack(">H", number | 1 << 14)
    return b"\x80" + struct.pack(">I", number)


def of_string(value):
    return sealed(b"\x00" + length(len(value)) + value)


def of_integer(number, size):
    """As 1, 2 or 4 bytes; of the number as many as fit."""
    return sealed(b"\x00" + bytes([0xC0 | {1: 0, 2: 1, 4: 2}[size]]) + (number & (1 << 8 * size) - 1).to_bytes(size, "little"))


def compressed(value):
    """LZF that refers to what repeats by the nearest distance alone: enough to have literals and references of every form."""
    out, literal, at = bytearray(), bytearray(), 0

    def flush():
        for begin in range(0, len(literal), 32):
            piece = literal[begin:begin + 32]
            out.append(len(piece) - 1)
            out.extend(piece)
        literal.clear()

    while at < len(value):
        found = value.rfind(value[at:at + 3], max(0, at - 8_191), at + 2) if at + 3 <= len(value) and at > 0 else -1
        if found < 0:
            literal.append(value[at])
            at += 1
            continue
        flush()
        size = 3
        while size < 264 and at + size < len(value) and value[found + size] == value[at + size]:
            size += 1
        distance = at - found - 1
        if size - 2 < 7:
            out.append((size - 2) << 5 | distance >> 8)
        else:
            out.extend((7 << 5 | distance >> 8, size - 2 - 7))
        out.append(distance & 0xFF)
        at += size
    flush()
    return bytes(out)


def of_compressed(value):
    packed = compressed(value)
    return sealed(b"\x00\xc3" + length(len(packed)) + length(len(value)) + packed)


def damaged(random, payload):
    """No payload any more, or one of something that is no string."""
    content = payload[:-10]
    kind = random.randrange(7)
    if kind == 0:
        at = random.randrange(len(payload))
        return payload[:at] + bytes([payload[at] ^ 1 << random.randrange(8)]) + payload[at + 1:]
    if kind == 1:
        return payload[:random.randrange(len(payload))]
    if kind == 2:
        return sealed(content, random.choice((100, 65_535)))
    if kind == 3:
        return sealed(b"\x00\xc3\x02\x0a\x00")  # compressed bytes that are cut off
    if kind == 4:
        return sealed(b"\x00" + length(len(content) + 100) + content)
    if kind == 5:
        return sealed(b"\xfa" + content[1:])
    return b""


def _unpacked(packed):
    out, at = bytearray(), 0
    while at < len(packed):
        control = packed[at]
        at += 1
        if control < 32:
            out += packed[at:at + control + 1]
            at += control + 1
            continue
        size = control >> 5
        if size == 7:
            size += packed[at]
            at += 1
        begin = len(out) - ((control & 31) << 8 | packed[at]) - 1
        at += 1
        for i in range(size + 2):
            out.append(out[begin + i])
    return bytes(out)


def _read_length(data, at):
    kind = data[at] >> 6
    if kind == 0:
        return data[at] & 63, at + 1
    if kind == 1:
        return (data[at] & 63) << 8 | data[at + 1], at + 2
    return struct.unpack_from(">I", data, at + 1)[0], at + 5


def value_of(payload):
    """The string in a payload; ValueError if it is not one."""
    if len(payload) < 12 or payload != sealed(payload[:-10], struct.unpack("<H", payload[-10:-8])[0]) or payload[0] != 0:
        raise ValueError("not the payload of a string")
    content = payload[:-10]
    if content[1] >> 6 != 3:
        size, at = _read_length(content, 1)
        return content[at:at + size]
    if content[1] == 0xC3:
        packed, at = _read_length(content, 2)
        _, at = _read_length(content, at)
        return _unpacked(content[at:at + packed])
    return str(int.from_bytes(content[2:], "little", signed=True)).encode()
