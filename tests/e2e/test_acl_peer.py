"""Users and what they may do, beside Debian's redis-server: both are asked the same, and have to answer the same."""

import hashlib
import shutil

import pytest

from resp_connection import pairs
from server_process import ServerProcess

REDIS = shutil.which("redis-server")
HASH = hashlib.sha256(b"x").hexdigest()


class Pair:
    """Two servers that are asked the same."""

    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs
        self.connections = [ours.connect(), theirs.connect()]

    def both(self, *words):
        return [connection.call(*words) for connection in self.connections]

    def same(self, *words):
        mine, other = [connection.call_bytes(*words) for connection in self.connections]
        assert mine == other, words
        return mine

    def close(self):
        for connection in self.connections:
            connection.close()


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    if REDIS is None:
        pytest.skip("no redis-server to compare with")
    with ServerProcess(tmp_path_factory.mktemp("ours")) as ours, \
            ServerProcess(tmp_path_factory.mktemp("theirs"), program=REDIS, peer="redis") as theirs:
        yield ours, theirs


@pytest.fixture
def pair(servers):
    both = Pair(*servers)
    for words in (("ACL", "DELUSER", "u", "v", "w"), ("ACL", "SETUSER", "default", "reset", "on", "nopass", "+@all", "~*", "&*"),
                  ("ACL", "LOG", "RESET")):
        both.both(*words)
    yield both
    both.close()


GOOD_RULES = [
    (), ("on",), ("ON", "oFf"), ("nopass",), ("on", ">a", ">b", ">a"), (">a", "<a"), (f"#{HASH}",), (f"#{HASH}", f"!{HASH}"),
    (">a", "nopass"), ("nopass", ">a"), (">a", "resetpass"), ("~a", "~b", "~a"), ("allkeys",), ("~*",), ("~*", "resetkeys", "~c"),
    ("%R~a", "%W~b", "%RW~c", "%WR~d"), ("%r~a", "%w~b"), ("%R~a", "%W~a"), ("%R~a", "~a"), ("&a", "&b", "&a"), ("allchannels",),
    ("&*", "resetchannels", "&c"), ("+@all",), ("allcommands",), ("+@all", "-@all"), ("+@all", "nocommands"), ("+get",), ("+GET",),
    ("+@all", "-get"), ("+config|get",), ("+CONFIG|GET",), ("+@all", "-config|set"), ("+select|0",), ("+get", "-get", "+get"),
    ("+config|get", "+config"), ("(+get ~a)",), ("(+get", "~a)"), ("(+get ~a)", "(+set %R~b &c)"), ("()",),
    ("(~*)",), ("(allkeys allchannels +@all)",), ("(+get)", "clearselectors"), ("on", ">a", "~a", "+get", "&x", "(+set)", "reset"),
    ("skip-sanitize-payload",), ("skip-sanitize-payload", "sanitize-payload"), ("~a\"b",), ("~",), ("&",), ("%R~",), ("%R",), ("%rw",), ("(%W)",), ("",), (">",),
]
BAD_RULES = [
    ("foo",), ("+",), ("-",), ("+foo",), ("-foo",), ("+@foo",), ("-@foo",), ("+@",), ("+config|foo",), ("-config|foo",), ("+config|",),
    ("+foo|bar",), ("+config|get|x",), ("-select|0",), ("%foo",), ("%",), ("%~foo",), ("%X~foo",), ("%RR~foo",), ("%RR",), ("%RWR~foo",),
    ("~a b",), ("~a\tb",), ("&a b",), ("~*", "~a"), ("allkeys", "%R~a"), ("&*", "&a"), ("<nope",), (f"!{HASH}",), ("#12",),
    ("#" + HASH.upper(),), ("!12",), ("#" + HASH + "0",), ("(foo)",), ("(+get", "~a"), ("on", "(on)"), ("(>a)",), ("(+foo)",),
    ("(~* ~a)",), ("(reset)",), ("on", "+get", "bar", "baz"),
]


@pytest.mark.parametrize("rules", GOOD_RULES, ids=" ".join)
def test_the_same_rules_make_the_same_user(pair, rules):
    assert pair.same("ACL", "SETUSER", "u", *rules) == b"+OK\r\n"
    pair.same("ACL", "GETUSER", "u")
    pair.same("ACL", "LIST")
    pair.same("ACL", "USERS")
    pair.both("HELLO", "3")
    pair.same("ACL", "GETUSER", "u")


@pytest.mark.parametrize("rules", BAD_RULES, ids=" ".join)
def test_the_same_rules_are_refused(pair, rules):
    assert pair.same("ACL", "SETUSER", "u", *rules).startswith(b"-ERR ")
    pair.same("ACL", "GETUSER", "u")


@pytest.mark.parametrize("words", [
    ("ACL",), ("ACL", "FOO"), ("ACL", "SETUSER"), ("ACL", "SETUSER", "a b"), ("ACL", "SETUSER", "a\0b"), ("ACL", "GETUSER"),
    ("ACL", "GETUSER", "nobody"), ("ACL", "DELUSER"), ("ACL", "DELUSER", "nobody"), ("ACL", "DELUSER", "nobody", "default"),
    ("ACL", "LIST", "x"), ("ACL", "WHOAMI"), ("ACL", "WHOAMI", "x"), ("ACL", "CAT"), ("ACL", "CAT", "foo"), ("ACL", "CAT", "a", "b"),
    ("ACL", "LOG"), ("ACL", "LOG", "foo"), ("ACL", "LOG", "-1"), ("ACL", "LOG", "1", "2"), ("ACL", "GENPASS", "0"),
    ("ACL", "GENPASS", "4097"), ("ACL", "GENPASS", "foo"), ("ACL", "GENPASS", "1", "2"), ("ACL", "LOAD"), ("ACL", "SAVE"),
    ("ACL", "LOAD", "x"), ("ACL", "DRYRUN", "nobody", "get"), ("ACL", "DRYRUN", "default", "foo"), ("ACL", "DRYRUN", "default", "get"),
    ("ACL", "DRYRUN", "default", "config", "foo"), ("ACL", "DRYRUN", "default", "get", "x"), ("ACL", "DRYRUN", "default", "config"),
    ("AUTH", "nobody", "x"), ("AUTH", "a", "b", "c"), ("AUTH", "x"), ("HELLO", "2", "AUTH", "nobody", "x"),
    ("CLIENT", "KILL", "USER", "nobody"),
], ids=" ".join)
def test_the_same_answers(pair, words):
    pair.same(*words)


DRY_RUNS = [
    "get a1", "get c1", "set a1 v", "set a1 v get", "set r1 v", "set w1 v", "set w1 v get", "get r1", "get w1", "mset w1 v w2 v",
    "mset w1 v r1 v", "mget r1 r2", "mget r1 w1", "msetnx w1 v c1 v", "bitop and w1 r1 r2", "bitop and r1 r2", "bitop and w1 w2",
    "copy r1 w1", "copy w1 r1", "rename a1 w1", "rename r1 w1", "renamenx a1 r1", "lcs r1 a1", "lcs r1 w1", "bitfield r1 get u8 0",
    "bitfield r1 set u8 0 1", "bitfield w1 set u8 0 1", "bitfield r1 foo", "bitfield r1 overflow wrap get u8 0", "bitfield_ro r1 get u8 0",
    "del w1 w2", "del w1 r1", "unlink r1", "exists w1 r1", "exists c1", "type w1", "ttl w1", "expire w1 1", "expire r1 1", "getdel w1",
    "getdel a1", "getex r1", "getex a1 ex 1", "getset w1 v", "append w1 v", "append r1 v", "incr w1", "incr a1", "incrbyfloat a1 1",
    "setrange w1 0 v", "getrange w1 0 1", "strlen w1", "setbit w1 0 1", "getbit r1 0", "bitcount w1", "dump w1", "dump r1",
    "restore w1 0 x", "restore r1 0 x", "object encoding w1", "object encoding c1", "object help", "touch w1", "persist r1", "move w1 1",
    "move a1 1", "psetex w1 1 v", "setnx r1 v", "setex w1 1 v", "keys *", "scan 0", "randomkey", "dbsize", "flushall", "swapdb 0 1",
    "config get x", "config set x y", "client id", "client kill x", "auth x", "hello", "quit", "reset", "ping", "select 0", "select 1",
    "acl whoami", "acl list", "slowlog get", "latency latest", "command docs", "command", "info", "role", "time", 
    "shutdown", "cluster info", "readonly", "substr r1 0 1", "pexpireat w1 1", "pttl r1", "expiretime w1", "decrby w1 1",
]
DRY_RUN_USERS = [
    ("+@all", "~a*", "%R~r*", "%W~w*"), ("+@read", "~*"), ("+@write", "-@dangerous", "~*"), ("+@all", "-@slow", "~*"),
    ("+@fast", "~a*"), ("+@connection",), ("+@all", "-@admin", "-@keyspace", "~*"), ("+select|0", "+config|get"), ("+@string", "~*"),
    ("+get", "~r*", "(+set %W~w*)", "(+@bitmap ~a*)"), ("+@all", "-config", "+config|get", "allkeys"), ("+@dangerous", "~*"),
    ("+@all", "-@write", "+set", "%W~*"), ("+@slow", "-@all"), ("+@bitmap", "+@keyspace", "%RW~*"),
]


@pytest.mark.parametrize("rules", DRY_RUN_USERS, ids=" ".join)
def test_dry_runs_are_answered_the_same(pair, rules):
    pair.same("ACL", "SETUSER", "u", *rules)
    for words in DRY_RUNS:
        pair.same("ACL", "DRYRUN", "u", *words.split())


def test_commands_belong_to_the_same_categories(pair):
    def by_command(connection):
        found = {}
        for category in connection.call("ACL", "CAT"):
            for name in connection.call("ACL", "CAT", category):
                found.setdefault(name, set()).add(category)
        return found

    ours, theirs = map(by_command, pair.connections)
    common = set(ours) & set(theirs)
    assert len(common) > 120
    assert {name: ours[name] for name in common} == {name: theirs[name] for name in common}
    # COMMAND INFO and COMMAND LIST tell the same, in the same order.
    connection = pair.connections[0]
    for name in sorted(common):
        if b"|" not in name:
            mine, other = [reply[0] for reply in pair.both("COMMAND", "INFO", name)]
            assert mine[6] == other[6], name
    for category in connection.call("ACL", "CAT"):
        listed = connection.call("COMMAND", "LIST", "FILTERBY", "ACLCAT", category)
        assert sorted(listed) == sorted(connection.call("ACL", "CAT", category))


def test_refusals_are_logged_the_same(pair):
    for words in (("ACL", "SETUSER", "u", "on", "nopass", "+@all", "-config", "-@dangerous", "+acl", "~a*"), ("AUTH", "u", "bad"), ("GET", "b"),
                  ("GET", "b"), ("MSET", "a", "v", "c", "v"), ("CONFIG", "GET", "x"), ("auth", "u2", "bad"), ("HELLO", "3", "AUTH", "u3", "x"),
                  ("GET", "b")):
        pair.same(*words)

    def entries(connection):
        known = ("count", "reason", "context", "object", "username")
        return [{name: pairs(entry)[name.encode()] for name in known} for entry in connection.call("ACL", "LOG")]

    ours, theirs = map(entries, pair.connections)
    assert ours == theirs and len(ours) == 5
    pair.same("ACL", "LOG", "RESET")
    pair.same("ACL", "LOG")


def test_slowlog_hides_the_same(pair):
    pair.both("CONFIG", "SET", "slowlog-log-slower-than", "0")
    pair.both("SLOWLOG", "RESET")
    pair.both("ACL", "SETUSER", "u", "on", ">secret", "+get")
    pair.both("ACL", "GETUSER", "u")
    pair.both("AUTH", "u", "secret")
    pair.both("AUTH", "default", "secret")
    pair.both("HELLO", "2", "AUTH", "default", "secret", "SETNAME", "n")
    pair.both("ACL", "DELUSER", "u", "v")
    ours, theirs = [[entry[3] for entry in reply] for reply in pair.both("SLOWLOG", "GET", "7")]
    assert ours == theirs
    pair.both("CONFIG", "SET", "slowlog-log-slower-than", "-1")
