"""Commands on the server: COMMAND CONFIG INFO TIME DEBUG SHUTDOWN, and what every command does with wrong arguments."""

import time

import pytest

from resp_connection import NULL, OK, PONG, Error, Status, pairs

# name: (arity, flags that clients act on, first key, last key, step)
COMMANDS = {
    "ping": (-1, {"fast"}, 0, 0, 0),
    "echo": (2, {"fast"}, 0, 0, 0),
    "quit": (-1, {"no_auth", "fast"}, 0, 0, 0),
    "auth": (-2, {"no_auth", "fast"}, 0, 0, 0),
    "hello": (-1, {"no_auth", "fast"}, 0, 0, 0),
    "select": (2, {"fast"}, 0, 0, 0),
    "reset": (1, {"no_auth", "fast"}, 0, 0, 0),
    "command": (-1, set(), 0, 0, 0),
    "client": (-2, set(), 0, 0, 0),
    "config": (-2, set(), 0, 0, 0),
    "info": (-1, set(), 0, 0, 0),
    "asking": (1, {"fast"}, 0, 0, 0),
    "dbsize": (1, {"readonly", "fast"}, 0, 0, 0),
    "time": (1, {"fast"}, 0, 0, 0),
    "get": (2, {"readonly", "fast"}, 1, 1, 1),
    "set": (-3, {"write", "denyoom"}, 1, 1, 1),
    "mget": (-2, {"readonly", "fast"}, 1, -1, 1),
    "mset": (-3, {"write", "denyoom"}, 1, -1, 2),
    "del": (-2, {"write"}, 1, -1, 1),
    "unlink": (-2, {"write", "fast"}, 1, -1, 1),
    "exists": (-2, {"readonly", "fast"}, 1, -1, 1),
    "type": (2, {"readonly", "fast"}, 1, 1, 1),
    "ttl": (2, {"readonly", "fast"}, 1, 1, 1),
    "pttl": (2, {"readonly", "fast"}, 1, 1, 1),
    "expire": (-3, {"write", "fast"}, 1, 1, 1),
    "pexpire": (-3, {"write", "fast"}, 1, 1, 1),
    "persist": (2, {"write", "fast"}, 1, 1, 1),
    "incr": (2, {"write", "denyoom", "fast"}, 1, 1, 1),
    "decr": (2, {"write", "denyoom", "fast"}, 1, 1, 1),
    "incrby": (3, {"write", "denyoom", "fast"}, 1, 1, 1),
    "decrby": (3, {"write", "denyoom", "fast"}, 1, 1, 1),
    "append": (3, {"write", "denyoom", "fast"}, 1, 1, 1),
    "strlen": (2, {"readonly", "fast"}, 1, 1, 1),
    "flushdb": (-1, {"write"}, 0, 0, 0),
    "flushall": (-1, {"write"}, 0, 0, 0),
    "swapdb": (3, {"write", "fast"}, 0, 0, 0),
    "scan": (-2, {"readonly"}, 0, 0, 0),
    "keys": (2, {"readonly"}, 0, 0, 0),
    "debug": (-2, {"admin"}, 0, 0, 0),
    "shutdown": (-1, {"admin"}, 0, 0, 0),
}

INFO_FIELDS = {
    "server": ["redis_version", "redis_mode", "os", "process_id", "run_id", "tcp_port", "uptime_in_seconds", "uptime_in_days", "executable",
               "config_file"],
    "clients": ["connected_clients", "maxclients", "blocked_clients"],
    "memory": ["used_memory", "used_memory_human", "used_memory_rss", "used_memory_peak", "maxmemory", "maxmemory_policy"],
    "persistence": ["loading"],
    "stats": ["total_connections_received", "total_commands_processed", "instantaneous_ops_per_sec", "total_net_input_bytes",
              "total_net_output_bytes", "rejected_connections", "expired_keys", "evicted_keys", "keyspace_hits", "keyspace_misses",
              "total_error_replies"],
    "replication": ["role", "connected_slaves"],
    "cpu": ["used_cpu_sys", "used_cpu_user"],
    "cluster": ["cluster_enabled"],
}


def wrong_argument_counts():
    for name, (arity, *_) in COMMANDS.items():
        least = abs(arity)
        counts = {least - 1} if arity < 0 else {least - 1, least + 1}
        for count in sorted(counts - {0}):
            yield [name] + ["1"] * (count - 1)


@pytest.mark.parametrize("words", wrong_argument_counts(), ids=" ".join)
def test_wrong_number_of_arguments(connection, words):
    connection.send(*words)
    assert connection.receive() == Error(f"ERR wrong number of arguments for '{words[0]}' command")
    connection.send(words[0].upper(), *words[1:])
    assert connection.receive() == Error(f"ERR wrong number of arguments for '{words[0]}' command")
    assert connection.call("PING") == PONG


@pytest.mark.parametrize("words, text", [
    (("NOSUCH",), "ERR unknown command 'NOSUCH', with args beginning with: "),
    (("nosuch", "a", "b c"), "ERR unknown command 'nosuch', with args beginning with: 'a' 'b c' "),
    (("x" * 200, "y"), f"ERR unknown command '{'x' * 128}', with args beginning with: 'y' "),
    (("nosuch", "y" * 200, "z"), f"ERR unknown command 'nosuch', with args beginning with: '{'y' * 128}' "),
    (("no\r\nsuch", "a\nb"), "ERR unknown command 'no  such', with args beginning with: 'a b' "),
])
def test_unknown_command(connection, words, text):
    assert connection.call(*words) == Error(text)


# COMMAND -----------------------------------------------------------------------------------------------------------------


def test_command_info(connection):
    for entry in connection.call("COMMAND", "INFO", *COMMANDS):
        name = entry[0].decode()
        arity, flags, first, last, step = COMMANDS[name]
        assert (entry[1], entry[3], entry[4], entry[5]) == (arity, first, last, step), name
        assert flags <= set(entry[2]), name
        assert all(isinstance(flag, Status) for flag in entry[2]), name
        assert len(entry) == 10, name
    assert connection.call("COMMAND", "INFO", "nosuch", "get")[0] is None


def test_command_lists_agree(connection):
    everything = connection.call("COMMAND")
    names = {entry[0].decode() for entry in everything}
    assert set(COMMANDS) <= names
    assert connection.call("COMMAND", "COUNT") == len(everything)
    listed = {name.decode() for name in connection.call("COMMAND", "LIST")}
    assert names <= listed
    assert {name.decode() for name in pairs(connection.call("COMMAND", "DOCS")) if b"|" not in name} == names
    assert len(connection.call("COMMAND", "INFO")) == len(everything)


def test_command_list_filters(connection):
    listed = {name.decode() for name in connection.call("COMMAND", "LIST", "FILTERBY", "PATTERN", "*get")}
    assert {"get", "mget", "config|get"} <= listed and all(name.endswith("get") for name in listed)
    assert b"get" in connection.call("COMMAND", "LIST", "filterby", "aclcat", "read")
    assert connection.call("COMMAND", "LIST", "FILTERBY", "ACLCAT", "nosuch") == []
    assert connection.call("COMMAND", "LIST", "FILTERBY", "MODULE", "nosuch") == []


def test_command_docs(connection):
    docs = pairs(connection.call("COMMAND", "DOCS", "strlen", "nosuch", "set"))
    assert set(docs) == {b"strlen", b"set"}
    fields = pairs(docs[b"strlen"])
    assert fields[b"since"] == b"2.2.0"
    assert fields[b"group"] == b"string"
    assert fields[b"summary"]
    assert [pairs(argument)[b"name"] for argument in fields[b"arguments"]] == [b"key"]


@pytest.mark.parametrize("words, keys", [
    (("GET", "a"), ["a"]),
    (("set", "a", "b", "EX", "10"), ["a"]),
    (("MSET", "a", "1", "b", "2"), ["a", "b"]),
    (("MGET", "a", "b", "c"), ["a", "b", "c"]),
    (("DEL", "a"), ["a"]),
    (("EXPIRE", "a", "1"), ["a"]),
])
def test_command_getkeys(connection, words, keys):
    assert connection.call("COMMAND", "GETKEYS", *words) == [key.encode() for key in keys]


@pytest.mark.parametrize("words, text", [
    (("COMMAND", "FOO"), "ERR unknown subcommand 'FOO'. Try COMMAND HELP."),
    (("COMMAND", "COUNT", "x"), "ERR wrong number of arguments for 'command|count' command"),
    (("COMMAND", "LIST", "foo"), "ERR syntax error"),
    (("COMMAND", "LIST", "FILTERBY", "FOO", "x"), "ERR syntax error"),
    (("COMMAND", "GETKEYS"), "ERR wrong number of arguments for 'command|getkeys' command"),
    (("COMMAND", "GETKEYS", "nosuch", "a"), "ERR Invalid command specified"),
    (("COMMAND", "GETKEYS", "DBSIZE", "a"), "ERR The command has no key arguments"),
    (("COMMAND", "GETKEYS", "ECHO", "a"), "ERR The command has no key arguments"),
    (("COMMAND", "GETKEYS", "GET", "a", "b"), "ERR Invalid number of arguments specified for command"),
])
def test_command_refuses(connection, words, text):
    assert connection.call(*words) == Error(text)


# CONFIG ------------------------------------------------------------------------------------------------------------------


def test_config_get(connection):
    assert connection.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", str(1 << 30).encode()]
    assert connection.call("config", "get", "MAXMEMORY")[1:] == [str(1 << 30).encode()]
    assert connection.call("CONFIG", "GET", "nosuch") == []
    several = pairs(connection.call("CONFIG", "GET", "maxmemory*", "timeout", "maxmem?ry"))
    assert {b"maxmemory", b"maxmemory-policy", b"timeout"} <= several.keys()
    assert several[b"timeout"] == b"0"
    everything = connection.call("CONFIG", "GET", "*")
    names = everything[::2]
    assert len(set(names)) == len(names)
    assert {b"maxmemory", b"maxmemory-policy", b"maxclients", b"databases", b"timeout", b"save", b"appendonly"} <= set(names)


def test_config_set(connection):
    try:
        assert connection.call("CONFIG", "SET", "maxmemory", "512mb", "maxmemory-policy", "allkeys-lru") == OK
        assert pairs(connection.call("CONFIG", "GET", "maxmemory", "maxmemory-policy")) == {
            b"maxmemory": str(512 << 20).encode(), b"maxmemory-policy": b"allkeys-lru"}
        assert connection.call("config", "set", "TIMEOUT", "100") == OK
        assert connection.call("CONFIG", "GET", "timeout") == [b"timeout", b"100"]
    finally:
        connection.call("CONFIG", "SET", "maxmemory", str(1 << 30), "maxmemory-policy", "noeviction", "timeout", "0")


@pytest.mark.parametrize("words, start", [
    (("nosuch", "1"), "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"),
    (("timeout", "50", "nosuch", "1"), "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"),
    (("timeout", "50", "maxmemory", "foo"), "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - "),
    (("timeout", "50", "maxmemory-policy", "foo"), "ERR CONFIG SET failed (possibly related to argument 'maxmemory-policy') - "),
    (("timeout", "50", "timeout", "60"), "ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter"),
    (("timeout", "-1"), "ERR CONFIG SET failed (possibly related to argument 'timeout') - "),
    (("timeout", "50", "databases", "3"), "ERR CONFIG SET failed (possibly related to argument 'databases') - "),
    (("timeout", "50", "maxclients", "0"), "ERR CONFIG SET failed (possibly related to argument 'maxclients') - "),
    (("maxmemory",), "ERR wrong number of arguments for 'config|set' command"),
    (("timeout", "50", "maxmemory"), "ERR syntax error"),
])
def test_config_set_refuses_all_or_nothing(connection, words, start):
    reply = connection.call("CONFIG", "SET", *words)
    assert isinstance(reply, Error) and reply.startswith(start)
    assert connection.call("CONFIG", "GET", "timeout") == [b"timeout", b"0"]


@pytest.mark.parametrize("words, text", [
    (("CONFIG",), "ERR wrong number of arguments for 'config' command"),
    (("CONFIG", "FOO"), "ERR unknown subcommand 'FOO'. Try CONFIG HELP."),
    (("CONFIG", "GET"), "ERR wrong number of arguments for 'config|get' command"),
    (("CONFIG", "RESETSTAT", "x"), "ERR wrong number of arguments for 'config|resetstat' command"),
])
def test_config_refuses(connection, words, text):
    assert connection.call(*words) == Error(text)


# INFO, statistics, TIME --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("section", INFO_FIELDS)
def test_info_section(connection, section):
    text = connection.call("INFO", section.upper()).decode()
    lines = text.split("\r\n")
    assert lines[0].lower() == f"# {section}"
    assert lines[-1] == ""
    assert sum(line.startswith("#") for line in lines) == 1
    fields = {line.split(":", 1)[0] for line in lines if ":" in line}
    assert set(INFO_FIELDS[section]) <= fields


def test_info_default_all_everything(connection):
    connection.call("SET", "k", "v", "EX", "1000")
    for words in (("INFO",), ("INFO", "default"), ("INFO", "all"), ("INFO", "everything")):
        text = connection.call(*words).decode()
        for section, fields in INFO_FIELDS.items():
            assert f"# {section}\r\n" in text.lower()
            for field in fields:
                assert f"\r\n{field}:" in text, (words, field)
        assert "\r\ndb0:keys=1,expires=1,avg_ttl=" in text
    assert "# Commandstats" in connection.call("INFO", "all").decode()
    assert connection.call("INFO", "nosuch") == b""
    two = connection.call("INFO", "clients", "cpu").decode()
    assert "# Clients\r\n" in two and "# CPU\r\n" in two and "# Server" not in two


def test_info_says_what_clients_check(server):
    info = server.info()
    assert int(info["redis_version"].split(".")[0]) >= 7
    assert info["redis_mode"] == "standalone"
    assert info["loading"] == "0"
    assert info["role"] == "master"
    assert info["cluster_enabled"] == "0"
    assert info["tcp_port"] == str(server.port)
    assert info["process_id"] == str(server.pid)
    assert info["maxmemory_policy"] == "noeviction"


def test_statistics_count_and_reset(server, connection):
    connection.call("SET", "k", "v")
    assert connection.call("CONFIG", "RESETSTAT") == OK
    for _ in range(3):
        connection.call("GET", "k")
    connection.call("GET", "none")
    connection.call("MGET", "k", "none", "none")
    connection.call("INCR", "k")
    connection.call("GET")
    info = server.info()
    assert (info["keyspace_hits"], info["keyspace_misses"]) == ("4", "3")
    assert info["total_error_replies"] == "2"
    assert info["errorstat_ERR"] == "count=2"
    get = dict(field.split("=") for field in info["cmdstat_get"].split(","))
    assert (get["calls"], get["rejected_calls"], get["failed_calls"]) == ("4", "1", "0")
    assert info["cmdstat_incr"].endswith("rejected_calls=0,failed_calls=1")
    connection.call("CONFIG", "RESETSTAT")
    info = server.info()
    assert (info["keyspace_hits"], info["keyspace_misses"], info["total_error_replies"]) == ("0", "0", "0")
    assert "cmdstat_get" not in info


def test_dbsize_and_keyspace(server, connection):
    connection.call("MSET", "a", 1, "b", 2)
    connection.call("EXPIRE", "a", 1000)
    connection.call("SELECT", 7)
    connection.call("SET", "c", 1)
    assert connection.call("DBSIZE") == 1
    info = server.info("keyspace")
    assert info["db0"].startswith("keys=2,expires=1,avg_ttl=")
    assert info["db7"].startswith("keys=1,expires=0,avg_ttl=0")
    assert set(info) == {"db0", "db7"}


def test_time(connection):
    before = int(time.time())
    seconds, microseconds = map(int, connection.call("TIME"))
    assert before <= seconds <= int(time.time())
    assert 0 <= microseconds < 1_000_000


# DEBUG, SHUTDOWN ---------------------------------------------------------------------------------------------------------


def test_debug_sleep_answers(connection):
    assert connection.call("DEBUG", "SLEEP", "0") == OK
    assert connection.call("debug", "sleep", "0.01") == OK


@pytest.mark.parametrize("seconds", ["abc", "", "-1", "0x", "0.001abc", "nan", "-inf"])
def test_debug_sleep_reads_as_far_as_there_is_a_number(connection, seconds):
    assert connection.call("DEBUG", "SLEEP", seconds) == OK


def test_debug_knows_one_error_for_its_words(connection):
    for words in (("FOO",), ("FOO", "x"), ("sleep",), ("SLEEP", "0", "1")):
        text = f"ERR unknown subcommand or wrong number of arguments for '{words[0]}'. Try DEBUG HELP."
        assert connection.call("DEBUG", *words) == Error(text)
    assert connection.call("DEBUG") == Error("ERR wrong number of arguments for 'debug' command")


def test_asking_is_of_clusters(connection):
    assert connection.call("ASKING") == Error("ERR This instance has cluster support disabled")
    assert connection.call("ASKING", "x") == Error("ERR wrong number of arguments for 'asking' command")


def test_debug_sleep_keeps_the_order_of_its_own_pipeline(connection):
    assert connection.pipeline([("SET", "k", 1), ("DEBUG", "SLEEP", "0.05"), ("INCR", "k"), ("DEBUG", "SLEEP", "0"), ("GET", "k")]) == [
        OK, OK, 2, OK, b"2"]


def test_debug_unknown_subcommand(connection):
    reply = connection.call("DEBUG", "NOSUCH")
    assert isinstance(reply, Error) and reply.startswith("ERR unknown subcommand")


@pytest.mark.parametrize("words, text", [
    (("SHUTDOWN", "FOO"), "ERR syntax error"),
    (("SHUTDOWN", "SAVE", "NOSAVE"), "ERR syntax error"),
    (("SHUTDOWN", "ABORT", "NOW"), "ERR syntax error"),
    (("SHUTDOWN", "ABORT"), "ERR No shutdown in progress."),
])
def test_shutdown_refuses(connection, words, text):
    assert connection.call(*words) == Error(text)
    assert connection.call("PING") == PONG


def test_null_of_command_info_in_resp3(resp3):
    assert resp3.call("COMMAND", "INFO", "nosuch") == [NULL]


@pytest.mark.parametrize("words", [("CLUSTER", "INFO"), ("cluster", "slots"), ("CLUSTER", "NODES"), ("CLUSTER", "KEYSLOT", "k"), ("CLUSTER", "HELP"),
                                   ("READONLY",), ("READWRITE",)])
def test_no_cluster(connection, words):
    assert connection.call(*words) == Error("ERR This instance has cluster support disabled")


def test_what_is_no_command_of_clusters(connection):
    assert connection.call("CLUSTER", "FOO") == Error("ERR unknown subcommand 'FOO'. Try CLUSTER HELP.")
    assert connection.call("CLUSTER", "KEYSLOT") == Error("ERR wrong number of arguments for 'cluster|keyslot' command")


def test_role(connection):
    assert connection.call("ROLE") == [b"master", 0, []]


@pytest.mark.strata_only
def test_config_rewrite_survives_a_restart(start_server, tmp_path):
    file = tmp_path / "ours.yaml"
    file.write_text("# Ours.\nmemory:\n  max_memory: 64mb  # for now\n")
    server = start_server(arguments=["--config", str(file)])
    with server.connect() as connection:
        assert connection.call("CONFIG", "SET", "maxmemory", "96mb", "slowlog-log-slower-than", "-1") == OK
        assert connection.call("CONFIG", "REWRITE") == OK
        assert file.read_text() == "# Ours.\nmemory:\n  max_memory: 96mb  # for now\n\ncommand_log:\n  slower_than_us: -1\n"
        assert connection.call("CONFIG", "REWRITE") == OK
    server.stop()
    server.start()
    with server.connect() as connection:
        assert connection.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", str(96 << 20).encode()]
        file.chmod(0o600)
        file.unlink()
        assert str(connection.call("CONFIG", "REWRITE")).startswith("ERR Rewriting config file: ")


def test_config_rewrite_without_a_file(connection):
    assert connection.call("CONFIG", "REWRITE") == Error("ERR The server is running without a config file")
    assert connection.call("CONFIG", "REWRITE", "x") == Error("ERR wrong number of arguments for 'config|rewrite' command")
