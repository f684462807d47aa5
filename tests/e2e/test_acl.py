"""Users and what they may do: ACL, AUTH, HELLO AUTH, NOPERM, the file of users, protected mode."""

import hashlib
import re
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from resp_connection import OK, PONG, Error, Status, pairs
from test_server import NOAUTH, NOAUTH_HELLO, WRONGPASS, refusal

NO_KEY = Error("NOPERM this user has no permissions to access one of the keys used as arguments")


def no_command(name):
    return Error(f"NOPERM this user has no permissions to run the '{name}' command")


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def acl(server):
    """The file's server with no users but an open default one; connections as somebody: acl.login("name")."""
    with server.connect() as admin:
        names = [name for name in admin.call("ACL", "USERS") if name != b"default"]
        if names:
            admin.call("ACL", "DELUSER", *names)
        assert admin.call("ACL", "SETUSER", "default", "reset", "on", "nopass", "+@all", "allkeys", "allchannels") == OK
        assert admin.call("ACL", "LOG", "RESET") == OK
    return server


def make(server, name, *rules):
    assert server.call("ACL", "SETUSER", name, "reset", "on", ">secret", *rules) == OK


def login(server, name):
    connection = server.connect()
    assert connection.call("AUTH", name, "secret") == OK
    return connection


# Logging in --------------------------------------------------------------------------------------------------------------


def test_several_users_and_passwords(acl):
    assert acl.call("ACL", "SETUSER", "u", "on", ">one", ">two", "+@all") == OK
    with acl.connect() as connection:
        assert connection.call("ACL", "WHOAMI") == b"default"
        assert connection.call("AUTH", "u", "three") == WRONGPASS
        assert connection.call("ACL", "WHOAMI") == b"default"
        assert connection.call("AUTH", "u", "two") == OK
        assert connection.call("ACL", "WHOAMI") == b"u"
        assert connection.call("HELLO", 3, "AUTH", "u", "one")[b"proto"] == 3
        assert b" user=u " in connection.call("CLIENT", "INFO")
        assert connection.call("RESET") == Status("RESET")
        assert connection.call("ACL", "WHOAMI") == b"default"
        assert acl.call("ACL", "SETUSER", "u", "<one", "off") == OK
        assert connection.call("AUTH", "u", "two") == WRONGPASS
        assert acl.call("ACL", "SETUSER", "u", "on") == OK
        assert connection.call("AUTH", "u", "one") == WRONGPASS
        assert connection.call("AUTH", "u", "two") == OK
        assert sha256("two").encode() in dict(pairs(connection.call("ACL", "GETUSER", "u")))[b"passwords"]


def test_without_a_default_user_one_has_to_log_in(start_server):
    server = start_server()
    with server.connect() as inside, server.connect() as late:
        assert inside.call("ACL", "SETUSER", "u", "on", ">secret", "+@all", "~*") == OK
        assert inside.call("ACL", "SETUSER", "default", "off") == OK
        # Who is in stays in.
        assert inside.call("PING") == PONG and late.call("PING") == PONG
    with server.connect() as connection:
        assert connection.call("PING") == NOAUTH
        assert connection.call("HELLO", 3) == NOAUTH_HELLO
        assert connection.call("AUTH", "default", "") == WRONGPASS
        assert connection.call("AUTH", "u", "secret") == OK
        assert connection.call("PING") == PONG
        assert connection.call("ACL", "SETUSER", "default", "on") == OK


def test_the_password_setting_is_that_of_the_default_user(start_server):
    server = start_server({"security.password": "first"})
    with server.connect() as connection:
        assert connection.call("AUTH", "first") == OK
        assert pairs(connection.call("ACL", "GETUSER", "default"))[b"passwords"] == [sha256("first").encode()]
        assert connection.call("CONFIG", "SET", "requirepass", "second") == OK
        assert pairs(connection.call("ACL", "GETUSER", "default"))[b"passwords"] == [sha256("second").encode()]
        assert connection.call("ACL", "SETUSER", "default", ">third") == OK
        # Another setting leaves what was added alone.
        assert connection.call("CONFIG", "SET", "maxclients", 777) == OK
        assert len(pairs(connection.call("ACL", "GETUSER", "default"))[b"passwords"]) == 2
    with server.connect() as connection:
        assert connection.call("AUTH", "first") == WRONGPASS
        assert connection.call("AUTH", "third") == OK
        assert connection.call("CONFIG", "SET", "requirepass", "") == OK
    assert server.call("PING") == PONG


# What one may do ---------------------------------------------------------------------------------------------------------


def test_commands_and_keys_are_refused(acl):
    make(acl, "u", "+@string", "+config|get", "~own:*", "%R~read:*")
    acl.call("SET", "read:1", "v")
    with login(acl, "u") as connection:
        assert connection.call("SET", "own:1", "v") == OK
        assert connection.call("GET", "read:1") == b"v"
        assert connection.call("SET", "read:1", "w") == NO_KEY
        assert connection.call("MSET", "own:2", "v", "other", "v") == NO_KEY
        assert connection.call("MGET", "own:1", "other") == NO_KEY
        assert connection.call("DEL", "own:1") == no_command("del")
        assert connection.call("CONFIG", "GET", "port")
        assert connection.call("CONFIG", "SET", "timeout", "0") == no_command("config|set")
        assert connection.call("NOSUCH").startswith("ERR unknown command")
        assert connection.call("GET") == Error("ERR wrong number of arguments for 'get' command")
        # Nothing ran of what was refused.
        assert acl.call("MGET", "read:1", "own:2", "other", "own:1") == [b"v", None, None, b"v"]
        # In a pipeline each command is asked for.
        assert connection.pipeline([("GET", "own:1"), ("GET", "x"), ("GET", "own:1"), ("DEL", "x")]) == \
            [b"v", NO_KEY, b"v", no_command("del")]
    assert acl.info("stats")["acl_access_denied_key"] != "0"
    stats = acl.info("commandstats")
    assert re.search(r"rejected_calls=[1-9]", stats["cmdstat_del"])


def test_a_refused_large_value_leaves_nothing_behind(acl):
    make(acl, "u", "+@string", "~own:*")
    with login(acl, "u") as connection:
        assert connection.call("SET", "other", b"v" * (1 << 20)) == NO_KEY
        assert connection.call("SET", "own:1", b"v" * (1 << 20)) == OK
        assert connection.call("STRLEN", "own:1") == 1 << 20
    assert acl.call("EXISTS", "other") == 0


def test_a_change_holds_at_once_for_who_is_connected(acl):
    make(acl, "u", "+@all", "~*")
    others = [login(acl, "u") for _ in range(8)]
    for connection in others:
        assert connection.call("SET", "k", "v") == OK
    assert acl.call("ACL", "SETUSER", "u", "-set", "resetkeys", "~a") == OK
    for connection in others:
        assert connection.call("SET", "k", "v") == no_command("set")
        assert connection.call("GET", "k") == NO_KEY
    assert acl.call("ACL", "SETUSER", "u", "+@all", "~*") == OK
    for connection in others:
        assert connection.call("SET", "k", "v") == OK
        connection.close()


def test_the_default_user_can_be_restricted(start_server):
    server = start_server()
    with server.connect() as connection, server.connect() as other:
        assert connection.call("ACL", "SETUSER", "root", "on", ">secret", "+@all", "~*") == OK
        assert connection.call("ACL", "SETUSER", "default", "-@all", "+ping", "+get", "resetkeys", "~public:*") == OK
        for client in (connection, other):
            assert client.call("PING") == PONG
            assert client.call("GET", "public:1") is None
            assert client.call("GET", "x") == NO_KEY
            assert client.call("SET", "public:1", "v") == no_command("set")
        assert other.call("AUTH", "root", "secret") == OK
        assert other.call("SET", "x", "v") == OK


def test_who_is_deleted_is_disconnected(acl):
    make(acl, "u", "+@all", "~*")
    make(acl, "v", "+@all", "~*")
    with login(acl, "u") as one, login(acl, "u") as two, login(acl, "v") as other:
        assert one.call("ACL", "DELUSER", "u") == 1
        assert one.is_closed()
        assert two.is_closed()
        assert other.call("PING") == PONG
    assert acl.call("ACL", "DELUSER", "u", "v", "nobody") == 1
    assert acl.call("ACL", "USERS") == [b"default"]


def test_clients_are_killed_by_user(acl):
    make(acl, "u", "+@all", "~*")
    with login(acl, "u") as one, acl.connect() as other:
        assert " user=u " in other.call("CLIENT", "LIST").decode()
        assert other.call("CLIENT", "KILL", "USER", "u") == 1
        assert one.is_closed()
        assert other.call("CLIENT", "KILL", "USER", "u") == 0
        assert other.call("PING") == PONG


# What was refused --------------------------------------------------------------------------------------------------------


@pytest.mark.strata_only
def test_refusals_are_logged(acl):
    make(acl, "u", "+@all", "-del", "~a*")
    before = acl.info("stats")
    with login(acl, "u") as connection, acl.connect() as admin:
        for _ in range(3):
            assert connection.call("GET", "b") == NO_KEY
        connection.call("DEL", "a")
        connection.call("AUTH", "u", "wrong")
        admin.call("HELLO", 3)
        auth, command, key = admin.call("ACL", "LOG")
        assert (auth[b"reason"], auth[b"object"], auth[b"username"], auth[b"count"]) == (b"auth", b"AUTH", b"u", 1)
        assert (command[b"reason"], command[b"object"], command[b"username"]) == (b"command", b"del", b"u")
        assert (key[b"reason"], key[b"object"], key[b"username"], key[b"count"]) == (b"key", b"b", b"u", 3)
        assert all(entry[b"context"] == b"toplevel" and 0 <= entry[b"age-seconds"] < 60 for entry in (auth, command, key))
        assert auth[b"entry-id"] == command[b"entry-id"] + 1 == key[b"entry-id"] + 2
        assert key[b"timestamp-created"] <= key[b"timestamp-last-updated"]
        assert key[b"client-info"].startswith(b"id=") and b" user=u " in key[b"client-info"]
        assert [entry[b"object"] for entry in admin.call("ACL", "LOG", 2)] == [b"AUTH", b"del"]
        assert admin.call("ACL", "LOG", 0) == []
        after = acl.info("stats")
        grown = {name: int(after[name]) - int(before[name]) for name in after if name.startswith("acl_access_denied_")}
        assert grown == {"acl_access_denied_auth": 1, "acl_access_denied_cmd": 1, "acl_access_denied_key": 3, "acl_access_denied_channel": 0}
        assert admin.call("CONFIG", "SET", "acllog-max-len", 1) == OK
        assert len(admin.call("ACL", "LOG")) == 1
        connection.call("GET", "other")
        assert [entry[b"object"] for entry in admin.call("ACL", "LOG")] == [b"other"]
        assert admin.call("CONFIG", "SET", "acllog-max-len", 128) == OK
        assert admin.call("ACL", "LOG", "RESET") == OK
        assert admin.call("ACL", "LOG") == []


# The file of users -------------------------------------------------------------------------------------------------------


@pytest.mark.strata_only
def test_the_file_is_read_at_start_and_saved(start_server, tmp_path):
    file = tmp_path / "users.acl"
    file.write_text(f"user u on #{sha256('secret')} ~a* +@all (+get ~r*)\nuser default on nopass ~* &* +@all\n")
    file.chmod(0o644)
    server = start_server({"security.acl_file": file})
    with login(server, "u") as connection, login(server, "u") as other, server.connect() as admin:
        assert connection.call("GET", "r1") is None
        assert connection.call("SET", "r1", "v") == NO_KEY
        assert admin.call("ACL", "SETUSER", "v", "on", ">secret") == OK
        assert admin.call("ACL", "SAVE") == OK
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith("users.acl")] == ["users.acl"]
        lines = file.read_bytes().splitlines()
        assert lines == admin.call("ACL", "LIST") and len(lines) == 3
        # All or nothing.
        file.write_text("user w on\nuser v on +nosuch\n")
        error = admin.call("ACL", "LOAD")
        assert error.startswith("ERR ") and f"{file}:2: Error in applying operation '+nosuch'" in error
        assert admin.call("ACL", "USERS") == [b"default", b"u", b"v"]
        # Who is in the file stays connected, with its new permissions; who is not is disconnected.
        with login(server, "v") as gone:
            file.write_text(f"user u on #{sha256('secret')} ~a* +get +ping\n")
            assert admin.call("ACL", "LOAD") == OK
            assert gone.is_closed()
        assert other.call("PING") == PONG
        assert other.call("SET", "a", "v") == no_command("set")
        assert connection.call("GET", "a") is None
        assert admin.call("ACL", "LIST")[0] == b"user default on nopass ~* &* +@all"
        assert admin.call("CONFIG", "GET", "aclfile") == [b"aclfile", str(file).encode()]
        file.unlink()
        assert "No such file" in admin.call("ACL", "LOAD")
        # Where it can not be written the log tells why.
        (tmp_path / "users.acl").mkdir()
        assert admin.call("ACL", "SAVE") == Error("ERR There was an error trying to save the ACLs. Please check the server logs for more information")
        assert "ACL SAVE" in server.log()
        assert not [entry.name for entry in tmp_path.iterdir() if entry.name.startswith("users.acl.")]


@pytest.mark.strata_only
@pytest.mark.parametrize("text, complaint", [
    ("user u on\nuser v +nosuch\n", "users.acl:2: Error in applying operation '+nosuch': Unknown command or category name in ACL"),
    ("foo\n", "users.acl:1 should start with user keyword"),
    ("user u (+get\n", "users.acl:1: Unmatched parenthesis"),
    ("user u\nuser u\n", "Duplicate user 'u' found on line 2"),
    (None, "No such file"),
])
def test_a_bad_file_stops_the_start(tmp_path, text, complaint):
    file = tmp_path / "users.acl"
    if text is not None:
        file.write_text(text)
    lines = refusal(tmp_path / "server", {"security.acl_file": file})
    assert len(lines) == 1 and "security.acl_file" in lines[0] and complaint in lines[0]


@pytest.mark.strata_only
def test_the_file_has_the_last_word_on_the_default_user(start_server, tmp_path):
    file = tmp_path / "users.acl"
    file.write_text("user u on nopass +@all ~*\n")
    server = start_server({"security.acl_file": file, "security.password": "secret"})
    assert server.call("PING") == PONG
    assert "security.password is not used" in server.log()
    lines = refusal(tmp_path / "exposed", {"security.acl_file": file, "security.password": "secret", "server.bind": "0.0.0.0"})
    assert "without a password" in lines[-1]


# Protected mode ----------------------------------------------------------------------------------------------------------

# Runs where nobody else is: its loopback has a second address, which stands for another machine.
ELSEWHERE = textwrap.dedent("""
    import subprocess, sys
    sys.path.insert(0, {folder!r})
    from resp_connection import Disconnected, RespConnection
    from server_process import ServerProcess
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", "192.0.2.1/32", "dev", "lo"], check=True)
    server = ServerProcess({directory!r}, {{"server.bind": "127.0.0.1,192.0.2.1", "security.password": "secret"}}, admin=False)
    server.start()
    def from_elsewhere(*words):
        with RespConnection(("192.0.2.1", server.port)) as connection:
            try:
                return repr(connection.call(*words))
            except (Disconnected, ConnectionError):
                return "closed"
    try:
        print(from_elsewhere("PING"))
        with server.connect() as local:
            local.call("AUTH", "secret")
            local.call("CONFIG", "SET", "requirepass", "")
            print(from_elsewhere("PING"))
            print(server.call("PING"))
            local.call("CONFIG", "SET", "protected-mode", "no")
            print(from_elsewhere("PING"))
    finally:
        server.stop()
""")


@pytest.mark.strata_only
def test_protected_mode_turns_away_other_machines_once_no_password_is_asked_for(tmp_path):
    if subprocess.run(["unshare", "--net", "ip", "link"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no network of its own to be had")
    folder = str(Path(__file__).resolve().parent)
    script = ELSEWHERE.format(folder=folder, directory=str(tmp_path))
    result = subprocess.run(["unshare", "--net", sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    first, second, third, fourth = result.stdout.splitlines()
    assert "NOAUTH" in first
    assert second[1:].startswith("DENIED Redis is running in protected mode because protected mode is enabled and no password is set")
    assert third == "PONG" and fourth == "'PONG'"
