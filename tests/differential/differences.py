"""Where a reply may differ from redis-server's, and why. Everything else is compared byte for byte.

A rule is asked only when the bytes differ. The list is short on purpose: a new row needs a reason that a user would accept.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Callable

from dump_payload import value_of
from resp_connection import Error, Set, Status, pairs
from vocabulary import UNIMPLEMENTED

SECONDS_APART = 2  # between the two servers, on a busy machine


@dataclass(frozen=True)
class Reply:
    value: object
    bytes: bytes


@dataclass(frozen=True)
class Rule:
    why: str
    applies: Callable  # (words, lower case) -> bool
    same: Callable  # (ours, theirs: Reply) -> bool


def _command(*names):
    wanted = [name.encode() for name in names]
    return lambda words: list(words[:len(wanted)]) == wanted


def _same_kind(ours, theirs):
    return ours.bytes[:1] == theirs.bytes[:1] and not isinstance(ours.value, Error)


def _near(unit):
    def same(ours, theirs):
        both = (ours.value, theirs.value)
        return all(isinstance(value, int) and value >= 0 for value in both) and abs(both[0] - both[1]) <= SECONDS_APART * unit
    return same


def _same_members(ours, theirs):
    return isinstance(ours.value, list) and isinstance(theirs.value, list) and sorted(ours.value) == sorted(theirs.value)


def _same_fields(ignored):
    def same(ours, theirs):
        if not _same_kind(ours, theirs):
            return False
        left, right = pairs(ours.value), pairs(theirs.value)
        return left.keys() == right.keys() and all(left[name] == right[name] for name in left if name not in ignored)
    return same


def _same_command_entries(ours, theirs):
    """Of each entry: name, arity and where the keys are."""
    if not isinstance(ours.value, list) or len(ours.value) != len(theirs.value) or _nulls(ours) != _nulls(theirs):
        return False
    for left, right in zip(ours.value, theirs.value):
        if not isinstance(left, list) or not isinstance(right, list):
            if left is not right:
                return False
        elif [*left[:2], *left[3:6]] != [*right[:2], *right[3:6]] or not _flags(left) or len(left) != len(right):
            return False
    return True


def _nulls(reply):
    """How often each null of RESP2 is in it: both are None."""
    return reply.bytes.count(b"\r\n*-1"), reply.bytes.count(b"\r\n$-1")


def _flags(entry):
    return isinstance(entry[2], (list, Set)) and all(isinstance(flag, Status) for flag in entry[2])


def _same_docs(ours, theirs):
    """The same commands are described; the descriptions are our own."""
    return _same_kind(ours, theirs) and pairs(ours.value).keys() == pairs(theirs.value).keys()


def _same_start(ours, theirs):
    """The reason behind the dash is our own wording."""
    left, right = ours.value, theirs.value
    return isinstance(left, Error) and isinstance(right, Error) and left.split(" - ")[0] == right.split(" - ")[0]


def _both_errors(ours, theirs):
    return isinstance(ours.value, Error) and isinstance(theirs.value, Error)


def _never(_ours, _theirs):
    return False


def _cut_error(ours, theirs):
    """As far as it goes; 1,024 bytes of the word at least."""
    return _both_errors(ours, theirs) and len(ours.value) > 1_024 and theirs.value.startswith(ours.value)


def _same_encoding(ours, theirs):
    """What was changed in place has the more general encoding there, however short it is."""
    order = [b"int", b"embstr", b"raw"]
    return ours.value in order and theirs.value in order and order.index(ours.value) < order.index(theirs.value)


# Of a line of CLIENT LIST: what follows from the commands alone. Not cmd: there redis-server shows a command that it has refused too.
FIELDS_OF_CLIENTS = ("name", "flags", "db", "sub", "psub", "multi", "user", "redir", "resp")


def _clients(text):
    lines = [dict(word.partition("=")[::2] for word in line.split(" ")) for line in text.decode("latin-1").splitlines()]
    return Counter(tuple(line.get(field) for field in FIELDS_OF_CLIENTS) for line in lines), {field for line in lines for field in line}


def _same_clients(ours, theirs):
    if not _same_kind(ours, theirs) or not isinstance(ours.value, bytes):
        return False
    (left, our_fields), (right, their_fields) = _clients(ours.value), _clients(theirs.value)
    # Either may still show a connection that has just been closed.
    return (left <= right or right <= left) and our_fields >= their_fields


def _same_log(ours, theirs):
    """Of each entry of the slow log the words and the name of the client.

    Passwords are hidden here in requests that are refused too.
    """
    if not _same_kind(ours, theirs) or not isinstance(ours.value, list):
        return False
    left, right = ours.value, theirs.value
    return len(left) == len(right) and all(
        one[5] == other[5] and len(one[3]) == len(other[3]) and all(word in (b"(redacted)", wanted) for word, wanted in zip(one[3], other[3]))
        for one, other in zip(left, right))


def _same_dump(ours, theirs):
    try:
        return value_of(ours.value) == value_of(theirs.value)
    except (TypeError, ValueError):
        return False


def _same_help(ours, theirs):
    """Lines of text; the first says of which command."""
    return _same_kind(ours, theirs) and isinstance(ours.value, list) and ours.value[0].split(" ")[0] == theirs.value[0].split(" ")[0]


def _numbers_of_info(text):
    """{line's name: {field: number}} of what is compared: it follows from the commands alone.

    Not so the calls of SCAN that a whole walk takes, those of DEBUG, which has its subcommands counted here, and those of OBJECT IDLETIME,
    which fail here.
    """
    found = {}
    for line in text.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        numbers = dict(pair.partition("=")[::2] for pair in value.split(",") if "=" in pair)
        if re.fullmatch(r"db\d+", name):
            found[name] = {key: numbers.get(key) for key in ("keys", "expires")}
        elif name.startswith("cmdstat_") and name != "cmdstat_scan" and name != "cmdstat_object|idletime" and not name.startswith("cmdstat_debug"):
            found[name] = {key: numbers.get(key) for key in ("calls", "rejected_calls", "failed_calls")}
        elif name.startswith("errorstat_") and name != "errorstat_ERR":  # what is not there yet is sent to ours only, and is an ERR
            found[name] = numbers
    return found


def _same_numbers(ours, theirs):
    if not _same_kind(ours, theirs):
        return False
    return _numbers_of_info(ours.value) == _numbers_of_info(theirs.value)


def _same_calls(ours, theirs):
    """Of each command how often it was called; see _numbers_of_info for those left out."""
    if not _same_kind(ours, theirs):
        return False
    left, right = ({name: pairs(told)[b"calls"] for name, told in pairs(reply.value).items() if name != b"scan" and name[:5] != b"debug"}
                   for reply in (ours, theirs))
    return left == right


def _both_or_neither(ours, theirs):
    return isinstance(ours.value, bytes) and isinstance(theirs.value, bytes)


def _both_numbers(ours, theirs):
    return isinstance(ours.value, int) and isinstance(theirs.value, int)


def _no_idle_time(ours, theirs):
    """Two redis-servers, when this tool is tested, are asked at slightly different times."""
    told = isinstance(ours.value, Error) and "times of access are not kept" in ours.value
    return isinstance(theirs.value, int) and (told or _near(1)(ours, theirs))


RULES = [
    Rule("an error repeats 1 KB of a word at most: whoever sends a long one is not sent it back", lambda words: True, _cut_error),
    Rule("which key it is is chance", _command("randomkey"), _both_or_neither),
    Rule("how a value came to be is not remembered", _command("object", "encoding"), _same_encoding),
    Rule("small numbers are no objects that are shared", _command("object", "refcount"), _both_numbers),
    Rule("times of access are not kept", _command("object", "idletime"), _no_idle_time),
    Rule("the texts are our own", lambda words: words[1:] == [b"help"], _same_help),
    Rule("the texts are our own", _command("latency", "doctor"), _same_kind),
    Rule("how long a command took is chance; how often it was called is compared", _command("latency", "histogram"), _same_calls),
    Rule("values are not compressed for the way", _command("dump"), _same_dump),
    Rule("they are different moments", _command("time"), _same_kind),
    Rule("the two servers are asked at slightly different times", _command("ttl"), _near(1)),
    Rule("the two servers are asked at slightly different times", _command("pttl"), _near(1_000)),
    Rule("a relative expiry counts from slightly different times", _command("expiretime"), _near(1)),
    Rule("a relative expiry counts from slightly different times", _command("pexpiretime"), _near(1_000)),
    Rule("the order of keys is unspecified", _command("keys"), _same_members),
    Rule("name, version and client number are each server's own", _command("hello"), _same_fields({b"server", b"version", b"id"})),
    Rule("a client number is each server's own", _command("client", "id"), _same_kind),
    Rule("numbers, moments, durations and addresses in the slow log are each server's own", _command("slowlog", "get"), _same_log),
    Rule("addresses, ages and memory are each server's own; names, flags, databases and versions are compared", _command("client", "info"), _same_clients),
    Rule("addresses, ages and memory are each server's own; names, flags, databases and versions are compared", _command("client", "list"), _same_clients),
    Rule("facts of the process; the numbers of keys, calls and errors are compared, fields are held to a list by the end-to-end tests",
         _command("info"), _same_numbers),
    Rule("we have fewer commands", lambda words: words in ([b"command"], [b"command", b"info"], [b"command", b"docs"]), _same_kind),
    Rule("we have fewer commands", _command("command", "count"), _same_kind),
    Rule("we have fewer commands", lambda words: words == [b"command", b"list"], _same_kind),
    Rule("the order of commands is unspecified", _command("command", "list"), _same_members),
    Rule("flags, categories, tips and key specifications describe each server's own implementation", _command("command", "info"),
         _same_command_entries),
    Rule("the texts are our own", _command("command", "docs"), _same_docs),
    Rule("we have other settings", lambda words: words[:2] == [b"config", b"get"] and b"*" in words[2:], _same_kind),
    Rule("the order of settings is unspecified", _command("config", "get"), _same_fields(set())),
    Rule("what is allowed is told in our own words", _command("config", "set"), _same_start),
    Rule("figures of memory are each server's own", lambda words: words[:1] == [b"memory"] and words[1:2] in ([b"usage"], [b"stats"], [b"doctor"],
         [b"malloc-stats"], [b"help"], [b"purge"]), _same_kind),
    Rule("pictures are each server's own", _command("lolwut"), _same_kind),
    Rule("rules are shown as given, as by 7.2; passwords are made by chance", lambda words: words[:1] == [b"acl"] and words[1:2] in ([b"getuser"], [b"list"],
         [b"genpass"], [b"cat"], [b"help"], [b"log"]), _same_kind),
]


# What differs and should not: each has an example, which a test sends until the server is mended; then the row has to go.
TO_BE_MENDED = [
]


def not_there_yet(words):
    """Whether the command is sent to ours only, which has to call it unknown: it would change the other server's keys."""
    return words[0].upper() in UNIMPLEMENTED


def same_reply(words, ours, theirs):
    if ours.bytes == theirs.bytes:
        return True
    lower = [word.lower() for word in words]
    return any(rule.applies(lower) and rule.same(ours, theirs) for rule in (*RULES, *(rule for rule, _ in TO_BE_MENDED)))


def is_unknown_command(words, reply):
    return isinstance(reply.value, Error) and reply.value.startswith(f"ERR unknown command '{words[0].decode()}'")
