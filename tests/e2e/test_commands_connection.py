"""Commands on the connection: PING ECHO AUTH SELECT RESET QUIT and CLIENT."""

import re

import pytest

from resp_connection import OK, PONG, Error, Status
from server_process import wait_until

# Fields that monitoring tools read from CLIENT LIST, in Redis' order.
CLIENT_FIELDS = ["id", "addr", "laddr", "fd", "name", "age", "idle", "flags", "db", "sub", "psub", "multi", "qbuf", "qbuf-free", "obl", "oll",
                 "omem", "tot-mem", "events", "cmd", "user", "resp"]


def client_lines(text):
    """CLIENT LIST or CLIENT INFO as a list of dicts."""
    return [dict(re.findall(r"([a-z-]+)=(\S*)", line)) for line in text.decode().splitlines()]


def test_ping_echo(connection):
    assert connection.call_bytes("PING") == b"+PONG\r\n"
    assert connection.call("PING", b"\x00hello") == b"\x00hello"
    assert connection.call("PING", "a", "b") == Error("ERR wrong number of arguments for 'ping' command")
    assert connection.call("ECHO", "") == b""
    assert connection.call("ECHO", b"\r\n") == b"\r\n"


@pytest.mark.parametrize("words, text", [
    (("AUTH", "x"), "ERR AUTH <password> called without any password configured for the default user. "
                    "Are you sure your configuration is correct?"),
    (("AUTH", "nobody", "x"), "WRONGPASS invalid username-password pair or user is disabled."),
    (("AUTH", "a", "b", "c"), "ERR syntax error"),
    (("AUTH",), "ERR wrong number of arguments for 'auth' command"),
])
def test_auth_without_a_password_set(connection, words, text):
    assert connection.call(*words) == Error(text)


def test_auth_of_the_default_user_needs_no_password_when_none_is_set(connection):
    assert connection.call("AUTH", "default", "anything") == OK


def test_quit_ignores_arguments(connection):
    assert connection.call("QUIT") == OK
    assert connection.is_closed()


def test_reset(connection):
    connection.call("SELECT", 2)
    connection.call("SET", "k", "two")
    assert connection.call("RESET") == Status("RESET")
    assert connection.call("GET", "k") is None
    assert connection.call("RESET", "x") == Error("ERR wrong number of arguments for 'reset' command")


def test_client_id_grows(server):
    with server.connect() as first, server.connect() as second:
        assert 0 < first.call("CLIENT", "ID") < second.call("CLIENT", "ID")
        assert first.call("CLIENT", "ID") == first.call("CLIENT", "ID")


def test_client_name(connection):
    assert connection.call("CLIENT", "GETNAME") is None
    assert connection.call("CLIENT", "SETNAME", "worker:1") == OK
    assert connection.call("CLIENT", "GETNAME") == b"worker:1"
    for bad in ("with blank", "line\nbreak", b"\x00", "ключ"):
        assert connection.call("CLIENT", "SETNAME", bad) == Error("ERR Client names cannot contain spaces, newlines or special characters.")
    assert connection.call("CLIENT", "GETNAME") == b"worker:1"
    assert connection.call("CLIENT", "SETNAME", "") == OK
    assert connection.call("CLIENT", "GETNAME") is None


@pytest.mark.strata_only  # since 7.2
def test_client_setinfo(connection):
    assert connection.call("CLIENT", "SETINFO", "LIB-NAME", "redis-py(x_v1)") == OK
    assert connection.call("client", "setinfo", "lib-ver", "4.3.4") == OK
    own = client_lines(connection.call("CLIENT", "INFO"))[0]
    assert (own["lib-name"], own["lib-ver"]) == ("redis-py(x_v1)", "4.3.4")
    assert connection.call("CLIENT", "SETINFO", "LIB-NAME", "with blank") == Error(
        "ERR lib-name cannot contain spaces, newlines or special characters.")
    assert connection.call("CLIENT", "SETINFO", "LIB-FOO", "x") == Error("ERR Unrecognized option 'LIB-FOO'")
    assert connection.call("CLIENT", "SETINFO", "LIB-NAME") == Error("ERR wrong number of arguments for 'client|setinfo' command")


def test_client_info(connection):
    connection.call("SELECT", 5)
    connection.call("CLIENT", "SETNAME", "me")
    text = connection.call("CLIENT", "INFO")
    assert text.endswith(b"\n") and text.count(b"\n") == 1
    own = client_lines(text)[0]
    assert set(CLIENT_FIELDS) <= own.keys()
    assert own["id"] == str(connection.call("CLIENT", "ID"))
    assert (own["name"], own["db"], own["flags"], own["multi"], own["cmd"], own["user"], own["resp"]) == (
        "me", "5", "N", "-1", "client|info", "default", "2")
    host, port = connection.socket.getsockname()
    assert own["addr"] == f"{host}:{port}"
    host, port = connection.socket.getpeername()
    assert own["laddr"] == f"{host}:{port}"


def test_client_list_shows_every_client(server, connection):
    with server.connect() as other:
        other.call("HELLO", 3, "SETNAME", "other")
        other.call("GET", "k")
        listed = wait_until(lambda: (lines := client_lines(connection.call("CLIENT", "LIST"))) and len(lines) == 2 and lines,
                            "both clients, and no others, are listed")
        by_id = {line["id"]: line for line in listed}
        assert [int(line["id"]) for line in listed] == sorted(map(int, by_id))
        theirs = by_id[str(other.call("CLIENT", "ID"))]
        assert (theirs["name"], theirs["cmd"], theirs["resp"]) == ("other", "get", "3")
        ours = by_id[str(connection.call("CLIENT", "ID"))]
        assert ours["cmd"] == "client|list"
    wait_until(lambda: len(client_lines(connection.call("CLIENT", "LIST"))) == 1, "the client that left is no longer listed")


def test_client_list_filters(server, connection):
    own = str(connection.call("CLIENT", "ID"))
    with server.connect() as other:
        theirs = str(other.call("CLIENT", "ID"))
        assert [c["id"] for c in client_lines(connection.call("CLIENT", "LIST", "ID", theirs))] == [theirs]
        assert {c["id"] for c in client_lines(connection.call("CLIENT", "LIST", "ID", own, theirs, 999_999))} == {own, theirs}
        assert own in {c["id"] for c in client_lines(connection.call("CLIENT", "LIST", "TYPE", "NORMAL"))}
        for kind in ("replica", "master", "pubsub"):
            assert connection.call("CLIENT", "LIST", "TYPE", kind) == b""


@pytest.mark.parametrize("words, text", [
    (("CLIENT",), "ERR wrong number of arguments for 'client' command"),
    (("CLIENT", "FOO"), "ERR unknown subcommand 'FOO'. Try CLIENT HELP."),
    (("CLIENT", "ID", "x"), "ERR wrong number of arguments for 'client|id' command"),
    (("CLIENT", "GETNAME", "x"), "ERR wrong number of arguments for 'client|getname' command"),
    (("CLIENT", "SETNAME"), "ERR wrong number of arguments for 'client|setname' command"),
    (("CLIENT", "INFO", "x"), "ERR wrong number of arguments for 'client|info' command"),
    (("CLIENT", "LIST", "FOO"), "ERR syntax error"),
    (("CLIENT", "LIST", "ID"), "ERR syntax error"),
    (("CLIENT", "LIST", "ID", "a"), "ERR Invalid client ID"),
    (("CLIENT", "LIST", "TYPE", "foo"), "ERR Unknown client type 'foo'"),
    (("CLIENT", "KILL"), "ERR wrong number of arguments for 'client|kill' command"),
    (("CLIENT", "KILL", "1.2.3.4:5"), "ERR No such client"),
    (("CLIENT", "KILL", "ID", "0"), "ERR client-id should be greater than 0"),
    (("CLIENT", "KILL", "ID", "x"), "ERR client-id should be greater than 0"),
    (("CLIENT", "KILL", "TYPE", "foo"), "ERR Unknown client type 'foo'"),
    (("CLIENT", "KILL", "USER", "foo"), "ERR No such user 'foo'"),
    (("CLIENT", "KILL", "SKIPME", "maybe"), "ERR syntax error"),
    (("CLIENT", "KILL", "FOO", "bar"), "ERR syntax error"),
    (("CLIENT", "KILL", "ID", "1", "ADDR"), "ERR syntax error"),
    (("CLIENT", "NO-EVICT", "maybe"), "ERR syntax error"),
    (("CLIENT", "UNBLOCK", "x"), "ERR value is not an integer or out of range"),
    (("CLIENT", "UNBLOCK", "1", "NOW"), "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
])
def test_client_refuses(connection, words, text):
    assert connection.call(*words) == Error(text)
    assert connection.call("PING") == PONG


def test_client_kill_by_each_filter(server, connection):
    own = client_lines(connection.call("CLIENT", "INFO"))[0]

    def killed(*words):
        """Whether these words disconnect another client, and it alone."""
        with server.connect() as other:
            theirs = client_lines(other.call("CLIENT", "INFO"))[0]
            answer = connection.call("CLIENT", "KILL", *(word.format(**theirs) for word in words))
            if answer == 0:
                assert other.call("PING") == PONG
            else:
                assert other.is_closed()
                wait_until(lambda: len(client_lines(connection.call("CLIENT", "LIST"))) == 1, "it is no longer listed")
            return answer

    assert killed("{addr}") == OK
    assert killed("ID", "{id}") == 1
    assert killed("ADDR", "{addr}") == 1
    assert killed("LADDR", "{laddr}") == 1
    assert killed("TYPE", "normal") == 1
    assert killed("USER", "default") == 1
    assert killed("ID", "{id}", "ADDR", "{addr}", "SKIPME", "yes") == 1
    for nobody in (("ID", "999999"), ("TYPE", "replica"), ("ID", "{id}", "ADDR", own["addr"]), ("ID", own["id"])):
        assert killed(*nobody) == 0
    assert connection.call("PING") == PONG


def test_client_kill_of_itself_is_answered(server):
    for words, answer in ((("{addr}",), OK), (("ID", "{id}", "SKIPME", "no"), 1)):
        with server.connect() as client:
            own = client_lines(client.call("CLIENT", "INFO"))[0]
            assert client.call("CLIENT", "KILL", *(word.format(**own) for word in words)) == answer
            assert client.is_closed()


def test_client_kill_of_an_empty_address_kills_nobody(server, connection):
    with server.connect() as other:
        assert connection.call("CLIENT", "KILL", "") == Error("ERR No such client")
        for words in (("ADDR", ""), ("LADDR", ""), ("SKIPME", "no", "ADDR", "")):
            assert connection.call("CLIENT", "KILL", *words) == 0
        assert other.call("PING") == PONG and connection.call("PING") == PONG
    assert connection.call("CLIENT", "LIST", "ID", -1) == b""


@pytest.mark.strata_only
def test_client_kill_by_age(server, connection):
    with server.connect() as other:
        assert connection.call("CLIENT", "KILL", "MAXAGE", 1_000) == 0
        assert other.call("PING") == PONG
        assert connection.call("CLIENT", "KILL", "MAXAGE", 0) == Error("ERR maxage should be greater than 0")


def test_client_commands_about_what_nobody_does(connection):
    assert connection.call("CLIENT", "UNBLOCK", connection.call("CLIENT", "ID"), "ERROR") == 0
    assert connection.call("CLIENT", "GETREDIR") == -1
    assert connection.call("CLIENT", "TRACKINGINFO") == [b"flags", [b"off"], b"redirect", -1, b"prefixes", []]
    assert connection.call("CLIENT", "NO-EVICT", "on") == OK
    assert client_lines(connection.call("CLIENT", "INFO"))[0]["flags"] == "e"
    assert connection.call("CLIENT", "NO-EVICT", "off") == OK
    assert client_lines(connection.call("CLIENT", "INFO"))[0]["flags"] == "N"


def test_reply_skip_and_off_hold_for_answers_in_pieces(connection):
    names = [f"a name that is not short:{i}" for i in range(20_000)]
    connection.call("MSET", *(word for name in names for word in (name, 1)))
    connection.send("CLIENT", "REPLY", "SKIP")
    connection.send("KEYS", "*")
    assert connection.call("PING") == PONG
    connection.send("CLIENT", "REPLY", "OFF")
    connection.send("KEYS", "*")
    connection.send("SCAN", "0", "COUNT", "100000")
    assert connection.call("CLIENT", "REPLY", "ON") == OK
    assert len(connection.call("KEYS", "*")) == len(names)
    assert connection.call("PING") == PONG


def test_list_and_kill_of_many(server, connection):
    others = [server.connect() for _ in range(300)]
    try:
        for i, other in enumerate(others):
            other.call("CLIENT", "SETNAME", f"other{i}")
        lines = connection.call("CLIENT", "LIST").decode().splitlines()
        ids = [int(line.split()[0].removeprefix("id=")) for line in lines]
        assert len(lines) >= 301 and ids == sorted(ids)
        assert {f"name=other{i}" for i in range(300)} <= {word for line in lines for word in line.split()}
        assert connection.call("CLIENT", "LIST", "ID", ids[-1], ids[0], ids[-1]).decode().splitlines()[1].startswith(f"id={ids[0]} ")
        assert connection.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") >= 300
        assert all(other.is_closed() for other in others)
        assert connection.call("PING") == PONG
    finally:
        for other in others:
            other.close()


@pytest.mark.parametrize("words, shown", [
    (("GET",), "get"), (("NOSUCH",), "NULL"), (("CLIENT",), "client"), (("CLIENT", "FOO"), "NULL"), (("CONFIG", "GET"), "config|get"),
    (("DEBUG", "FOO"), "debug"), (("SET", "k", "v", "FOO"), "set"), (("AUTH", "nobody", "wrong"), "auth"),
])
def test_list_shows_the_command_that_was_refused(server, connection, words, shown):
    with server.connect() as other:
        number = other.call("CLIENT", "ID")
        assert isinstance(other.call(*words), Error)
        assert f" cmd={shown} " in connection.call("CLIENT", "LIST", "ID", number).decode()
