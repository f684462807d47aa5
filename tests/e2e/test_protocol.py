"""The wire: request forms, partial reads, pipelines, limits and the texts of protocol errors."""

import socket

import pytest

from resp_connection import NULL, OK, PONG, Error, Set, Status, encode
from server_process import wait_until

# A pipeline that touches every state of a parser: both request forms, empty and binary bulks, an error, a number.
SPLIT_PIPELINE = (b"PING\r\n" + encode("SET", "key", b"\x00\r\n$5\r\n\xff") + b"\r\n" + encode("GET", "key") + b"*0\r\n"
                  + encode("SET", "", "") + b'SET quoted "a b\\x41"\r\n' + encode("GET", "") + encode("INCR", "n")
                  + b"GET quoted\n" + encode("NOSUCH"))
SPLIT_REPLIES = [PONG, OK, b"\x00\r\n$5\r\n\xff", OK, OK, b"", 1, b"a bA",
                 Error("ERR unknown command 'NOSUCH', with args beginning with: ")]


@pytest.mark.parametrize("request_bytes, reply", [
    (b"PING\r\n", PONG),
    (b"PING\n", PONG),
    (b"  PING   hello  \r\n", b"hello"),
    (b'ECHO "\\x41\\n\\t\\\\q"\r\n', b"A\n\t\\q"),
    (b"ECHO 'a\\'b\"'\r\n", b"a'b\""),
    (b'ECHO ""\r\n', b""),
    (b"\r\nPING\r\n", PONG),
    (b"*0\r\nPING\r\n", PONG),
    (b"*-1\r\nPING\r\n", PONG),
    (b"*-5\r\nPING\r\n", PONG),
    (b"*1\r\n$4\r\nping\r\n", PONG),
    (b"*1\r\n$0\r\n\r\n", Error("ERR unknown command '', with args beginning with: ")),
])
def test_request_forms(connection, request_bytes, reply):
    connection.send_bytes(request_bytes)
    assert connection.receive() == reply
    assert connection.call("PING") == PONG


@pytest.mark.parametrize("request_bytes, text", [
    (b"*x\r\n", "invalid multibulk length"),
    (b"* 1\r\n", "invalid multibulk length"),
    (b"*+1\r\n$4\r\nPING\r\n", "invalid multibulk length"),
    (b"*2147483648\r\n", "invalid multibulk length"),
    (b"*99999999999999999999\r\n", "invalid multibulk length"),
    (b"*1\r\nx4\r\nPING\r\n", "expected '$', got 'x'"),
    (b"*1\r\n!4\r\nPING\r\n", "expected '$', got '!'"),
    (b"*2\r\n$3\r\nGET\r\n:1\r\n", "expected '$', got ':'"),
    (b"*1\r\n$x\r\n", "invalid bulk length"),
    (b"*1\r\n$-1\r\n", "invalid bulk length"),
    (b"*1\r\n$+4\r\nPING\r\n", "invalid bulk length"),
    (b"*1\r\n$04\r\nPING\r\n", "invalid bulk length"),
    (b"*1\r\n$536870913\r\n", "invalid bulk length"),
    (b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$-5\r\n", "invalid bulk length"),
    (b"*" + b"1" * 70_000, "too big mbulk count string"),
    (b"*1\r\n$" + b"1" * 70_000, "too big bulk count string"),
    (b"A" * 70_000, "too big inline request"),
    (b'GET "a\r\n', "unbalanced quotes in request"),
    (b"GET 'a\r\n", "unbalanced quotes in request"),
    (b'SET "a"b c\r\n', "unbalanced quotes in request"),
], ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else None)
def test_protocol_error_is_told_and_closes(server, request_bytes, text):
    with server.connect() as connection:
        connection.send_bytes(request_bytes)
        assert connection.receive() == Error(f"ERR Protocol error: {text}")
        assert connection.is_closed()
    assert server.call("PING") == PONG


def test_requests_before_a_protocol_error_are_answered_and_those_after_are_not(connection):
    connection.send_bytes(encode("SET", "before", "1") + b"PING\r\n*x\r\n" + encode("SET", "after", "1"))
    assert connection.receive_until_closed() == b"+OK\r\n+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n"


@pytest.mark.parametrize("request_bytes", [b"POST / HTTP/1.1\r\nHost: here\r\n\r\n", b"GET / HTTP/1.1\r\nHost: here\r\n\r\nPING\r\n"])
def test_http_request_is_not_taken_for_commands(server, request_bytes):
    """A browser can be made to send commands in the body of a request: the first line or the Host header ends the connection."""
    with server.connect() as connection:
        connection.send_bytes(request_bytes)
        assert b"PONG" not in connection.receive_until_closed()
    assert server.call("DBSIZE") == 0


def test_split_at_every_byte(server):
    for split in range(len(SPLIT_PIPELINE) + 1):
        with server.connect() as connection:
            connection.call("FLUSHALL")
            connection.send_bytes(SPLIT_PIPELINE[:split])
            # A command of another connection goes through in between: the first part has been read alone by then.
            assert server.call("PING") == PONG
            connection.send_bytes(SPLIT_PIPELINE[split:])
            assert connection.receive_many(len(SPLIT_REPLIES)) == SPLIT_REPLIES, f"split after {split} bytes"


def test_byte_by_byte(connection):
    for position in range(len(SPLIT_PIPELINE)):
        connection.send_bytes(SPLIT_PIPELINE[position:position + 1])
    assert connection.receive_many(len(SPLIT_REPLIES)) == SPLIT_REPLIES


def test_pipeline_of_10_000_keeps_order(connection):
    commands = [("SET", f"key:{i}", i) if i % 2 == 0 else ("GET", f"key:{i - 1}") for i in range(10_000)]
    replies = connection.pipeline(commands)
    assert replies[0::2] == [OK] * 5_000
    assert replies[1::2] == [str(i).encode() for i in range(0, 10_000, 2)]


def test_inline_pipeline(connection):
    connection.send_bytes(b"INCR n\r\n" * 2_000)
    assert connection.receive_many(2_000) == list(range(1, 2_001))


def test_keys_and_values_are_binary_safe(connection):
    every_byte = bytes(range(256))
    for key in (every_byte, b"", b"\x00", b"\r\n", b"*1\r\n$4\r\nQUIT\r\n", "ключ".encode()):
        assert connection.call("SET", key, every_byte + key) == OK
        assert connection.call_bytes("GET", key) == b"$%d\r\n%s\r\n" % (256 + len(key), every_byte + key)
        assert connection.call("STRLEN", key) == 256 + len(key)
    assert connection.call("DBSIZE") == 6
    assert connection.call("SET", "empty", "") == OK
    assert connection.call_bytes("GET", "empty") == b"$0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 1023, 1024, 16_383, 16_384, 16_385, 65_535, 65_536, 1 << 20])
def test_value_sizes_around_buffer_limits(connection, size):
    value = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    connection.send_bytes(encode("SET", "v", value) + encode("GET", "v") + encode("ECHO", value) + encode("STRLEN", "v"))
    assert connection.receive_many(4) == [OK, value, value, size]


def test_value_of_64_mb_in_and_out(connection):
    value = bytes(range(251)) * (64 * 1024 * 1024 // 251 + 1)
    value = value[:64 * 1024 * 1024]
    assert connection.call("SET", "large", value) == OK
    assert connection.call("STRLEN", "large") == len(value)
    assert connection.call("GET", "large") == value
    assert connection.call("DEL", "large") == 1


def test_client_that_goes_away_in_the_middle_of_a_bulk(server):
    for part in (b"*", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\nabc", b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$67108864\r\n" + b"x" * 100_000):
        with server.connect() as connection:
            connection.send_bytes(part)
    assert server.call("GET", "k") is None


def test_half_closed_client_still_gets_its_replies(connection):
    connection.send_bytes(encode("SET", "k", "v") + encode("GET", "k"))
    connection.socket.shutdown(socket.SHUT_WR)
    assert connection.receive_until_closed() == b"+OK\r\n$1\r\nv\r\n"


# HELLO and the protocol version ------------------------------------------------------------------------------------------


def test_hello_without_arguments_describes_and_keeps_the_protocol(connection):
    reply = connection.call("HELLO")
    assert isinstance(reply, list)
    fields = dict(zip(reply[::2], reply[1::2]))
    assert {b"server", b"version", b"proto", b"id", b"mode", b"role", b"modules"} <= fields.keys()
    assert (fields[b"proto"], fields[b"mode"], fields[b"role"], fields[b"modules"]) == (2, b"standalone", b"master", [])
    assert fields[b"id"] == connection.call("CLIENT", "ID")
    # Clients decide by this number which commands exist.
    assert int(fields[b"version"].split(b".")[0]) >= 7


def test_hello_switches_between_protocols(connection):
    assert connection.call_bytes("GET", "none") == b"$-1\r\n"
    reply = connection.call("HELLO", 3)
    assert isinstance(reply, dict) and reply[b"proto"] == 3
    assert connection.call_bytes("GET", "none") == b"_\r\n"
    assert connection.call_bytes("MGET", "none") == b"*1\r\n_\r\n"
    reply = connection.call("HELLO", 2)
    assert isinstance(reply, list) and reply[reply.index(b"proto") + 1] == 2
    assert connection.call_bytes("GET", "none") == b"$-1\r\n"


def test_hello_with_auth_and_setname(connection):
    assert connection.call("HELLO", 3, "SETNAME", "worker", "AUTH", "default", "any")[b"proto"] == 3
    assert connection.call("CLIENT", "GETNAME") == b"worker"
    assert connection.call("hello", "2", "setname", "other")[5] == 2
    assert connection.call("CLIENT", "GETNAME") == b"other"


@pytest.mark.parametrize("words, text", [
    (("4",), "NOPROTO unsupported protocol version"),
    (("1",), "NOPROTO unsupported protocol version"),
    (("three",), "ERR Protocol version is not an integer or out of range"),
    (("3", "FOO"), "ERR Syntax error in HELLO option 'FOO'"),
    (("3", "AUTH", "x"), "ERR Syntax error in HELLO option 'AUTH'"),
    (("3", "SETNAME"), "ERR Syntax error in HELLO option 'SETNAME'"),
    (("3", "AUTH", "nobody", "x"), "WRONGPASS invalid username-password pair or user is disabled."),
    (("3", "SETNAME", "with blank"), "ERR Client names cannot contain spaces, newlines or special characters."),
])
def test_hello_errors_leave_the_protocol_alone(connection, words, text):
    assert connection.call("HELLO", *words) == Error(text)
    assert connection.call_bytes("GET", "none") == b"$-1\r\n"
    assert connection.call("CLIENT", "GETNAME") is None


def test_types_of_resp3(resp3):
    assert resp3.call("GET", "none") is NULL
    assert isinstance(resp3.call("CONFIG", "GET", "maxmemory"), dict)
    assert isinstance(resp3.call("COMMAND", "DOCS", "get"), dict)
    assert resp3.call_bytes("INFO", "server").startswith(b"=")
    assert resp3.call_bytes("CLIENT", "LIST").startswith(b"=")
    assert isinstance(resp3.call("COMMAND", "INFO", "get")[0][2], Set)
    assert resp3.call("SET", "k", "v", "NX", "GET") is NULL


def test_reset_returns_to_the_first_state(connection):
    connection.call("HELLO", 3)
    connection.call("CLIENT", "SETNAME", "worker")
    connection.call("SELECT", 3)
    connection.call("SET", "k", "v")
    assert connection.call("RESET") == Status("RESET")
    assert connection.call_bytes("GET", "k") == b"$-1\r\n"
    assert connection.call("CLIENT", "GETNAME") is None


def test_quit_answers_and_closes(connection):
    connection.send_bytes(encode("SET", "a", 1) + encode("QUIT") + encode("SET", "a", 2))
    assert connection.receive_until_closed() == b"+OK\r\n+OK\r\n"


# Limits ------------------------------------------------------------------------------------------------------------------


@pytest.mark.strata_only
def test_limit_of_arguments(start_server):
    server = start_server({"limits.arguments": 1024})
    with server.connect() as connection:
        assert connection.call("MGET", *range(1023)) == [None] * 1023
        connection.send("MGET", *range(1024))
        assert connection.receive() == Error("ERR Protocol error: invalid multibulk length")
        assert connection.is_closed()


def test_limit_of_bulk_length(start_server):
    server = start_server({"limits.bulk_length": "1mb"})
    with server.connect() as connection:
        assert connection.call("SET", "k", b"x" * (1 << 20)) == OK
        connection.send_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % ((1 << 20) + 1))
        assert connection.receive() == Error("ERR Protocol error: invalid bulk length")
        assert connection.is_closed()


def test_append_beyond_the_bulk_length(start_server):
    server = start_server({"limits.bulk_length": "1mb"})
    with server.connect() as connection:
        assert connection.call("SET", "k", b"x" * (1 << 20)) == OK
        assert connection.call("APPEND", "k", "y") == Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
        assert connection.call("STRLEN", "k") == 1 << 20


@pytest.mark.strata_only  # redis-server does not count arguments that are complete
def test_limit_of_query_buffer(start_server):
    """A request that is never finished may not hold more memory than the limit."""
    server = start_server({"limits.query_buffer": "1mb"})
    with server.connect() as connection:
        try:
            connection.send_bytes(b"*1000\r\n" + b"$60000\r\n" + b"x" * 60_000 + b"\r\n")
            for _ in range(100):
                connection.send_bytes(b"$60000\r\n" + b"x" * 60_000 + b"\r\n")
        except OSError:
            pass  # closed while we were sending: what the test is about
        assert b"+" not in connection.receive_until_closed()
    assert server.call("PING") == PONG
    wait_until(lambda: int(server.info("clients")["connected_clients"]) == 1, "the greedy connection is gone")


def test_unauthenticated_clients_have_small_limits(start_server):
    server = start_server({"security.password": "secret"})
    for request_bytes, text in ((b"*11\r\n", "unauthenticated multibulk length"),
                                (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", "unauthenticated bulk length")):
        with server.connect() as connection:
            connection.send_bytes(request_bytes)
            assert connection.receive() == Error(f"ERR Protocol error: {text}")
            assert connection.is_closed()
