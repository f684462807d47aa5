"""TLS: clients by a port of its own, certificates of both sides, and their renewal while the server runs."""

import re
import shutil
import signal
import socket
import ssl
import subprocess
import urllib.request

import pytest

from resp_connection import OK, PONG, Error, RespConnection, encode
from server_process import ServerProcess, StartFailure, free_port, wait_until

pytestmark = [
    pytest.mark.strata_only,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program to make certificates"),
]


def openssl(*words, cwd):
    subprocess.run(["openssl", *words], cwd=cwd, check=True, capture_output=True, timeout=60)


def make_authority(directory, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.pem", cwd=directory)


def make_certificate(directory, authority, name):
    (directory / f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
            "-out", f"{name}.csr", cwd=directory)
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", "30",
            "-extfile", f"{name}.ext", "-out", f"{name}.pem", cwd=directory)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """ca and other are authorities; server, renewed and client are of ca, stranger is of other."""
    directory = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "other"):
        make_authority(directory, name)
    for authority, name in (("ca", "server"), ("ca", "renewed"), ("ca", "client"), ("other", "stranger")):
        make_certificate(directory, authority, name)
    openssl("ec", "-in", "server.key", "-aes128", "-passout", "pass:secret", "-out", "encrypted.key", cwd=directory)
    return directory


@pytest.fixture
def start_tls(start_server, certificates):
    def start(settings=None, **options):
        port = free_port()
        server = start_server({"tls.port": port, "tls.certificate_file": certificates / "server.pem",
                               "tls.key_file": certificates / "server.key", **(settings or {})}, **options)
        server.tls_address = ("127.0.0.1", port)
        return server

    return start


@pytest.fixture
def trusting(certificates):
    """A context that believes `ca`, showing the certificate `name` if one is named."""
    def make(name=None, **versions):
        context = ssl.create_default_context(cafile=certificates / "ca.pem")
        if name:
            context.load_cert_chain(certificates / f"{name}.pem", certificates / f"{name}.key")
        for option, value in versions.items():
            setattr(context, option, value)
        return context

    return make


def connect(server, context):
    return RespConnection(server.tls_address, tls=context)


def refused(server, context):
    """Whether the server ends the connection: in the handshake, or, by TLS 1.3, at the first reply."""
    try:
        with connect(server, context) as connection:
            connection.call("PING")
        return False
    except (ssl.SSLError, OSError, ValueError) as error:
        return not isinstance(error, socket.timeout)


def common_name(connection):
    return dict(pair[0] for pair in connection.socket.getpeercert()["subject"])["commonName"]


def test_commands_and_values_of_all_sizes(start_tls, trusting):
    server = start_tls()
    with connect(server, trusting()) as connection, server.connect() as plain:
        assert connection.call("PING") == PONG
        assert connection.call("HELLO", 3)[b"proto"] == 3
        for size in (0, 1, 16_383, 16_384, 16_385, 100_000, 5_000_000):
            value = bytes(i % 251 for i in range(1000)) * (size // 1000 + 1)
            assert connection.call("SET", "k", value[:size]) == OK
            assert connection.call("GET", "k") == value[:size]
            assert plain.call("STRLEN", "k") == size
        replies = connection.pipeline([("SET", f"k{i}", f"v{i}") for i in range(5000)] + [("MGET", "k1", "k", "k4999")])
        assert replies[:-1] == [OK] * 5000 and replies[-1][0] == b"v1" and len(replies[-1][1]) == 5_000_000
        assert "addr=127.0.0.1:" in connection.call("CLIENT", "INFO").decode()
        assert server.info("stats")["strata_tls_handshakes"] == "1"


def test_the_reply_before_the_end_comes_whole(start_tls, trusting):
    """More than the socket takes at once is held, and sent before the connection ends."""
    server = start_tls()
    with connect(server, trusting()) as connection:
        value = b"0123456789" * 300_000
        assert connection.call("SET", "k", value) == OK
        connection.send_bytes(encode("GET", "k") * 4 + encode("QUIT"))
        assert connection.receive_many(5) == [value] * 4 + [OK]
        assert connection.is_closed()


def test_only_by_tls(certificates, trusting, tmp_path):
    port = free_port()
    server = ServerProcess(tmp_path, {"tls.port": port, "tls.certificate_file": certificates / "server.pem",
                                      "tls.key_file": certificates / "server.key"})
    server.port = 0
    server.spawn()
    server.tls_address = ("127.0.0.1", port)
    try:
        def answers():
            try:
                with connect(server, trusting()) as connection:
                    return connection.call("PING") == PONG
            except OSError:
                return False
        wait_until(answers, "it answers by TLS")
        assert "by TLS" in server.log()
    finally:
        server.stop()


def test_who_does_not_speak_tls(start_tls, trusting):
    server = start_tls()
    with RespConnection(server.tls_address) as plain:
        plain.send("SET", "k", "v" * 100)
        plain.receive_until_closed()
    wait_until(lambda: server.info("stats")["strata_tls_failures"] == "1", "the failure is counted")
    with connect(server, trusting()) as connection:
        assert connection.call("EXISTS", "k") == 0


def test_a_record_in_pieces(start_tls, trusting):
    """Bytes come one at a time; while half a record is there, the server waits and does not turn."""
    server = start_tls()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with socket.create_connection(server.tls_address, timeout=30) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def send_slowly():
            for byte in outgoing.read():
                raw.sendall(bytes([byte]))

        def step(operation):
            while True:
                try:
                    return operation()
                except ssl.SSLWantReadError:
                    send_slowly()
                    incoming.write(raw.recv(65536))

        step(client.do_handshake)
        client.write(encode("SET", "k", "v" * 1000))
        record = outgoing.read()
        raw.sendall(record[:len(record) // 2])

        def turns():
            metrics = server_metrics(server)
            return float(re.search(r"^strata_loop_turns_total (\S+)$", metrics, re.M).group(1))
        before = turns()
        assert turns() - before < 100
        raw.sendall(record[len(record) // 2:])
        assert step(lambda: client.read(100)) == b"+OK\r\n"


def server_metrics(server):
    with urllib.request.urlopen(f"{server.admin_url}/metrics", timeout=30) as answer:
        return answer.read().decode()


def test_what_a_slow_reader_is_owed_is_charged(start_tls, trusting):
    server = start_tls({"memory.max_memory": "512mb"})
    with connect(server, trusting()) as connection:
        assert connection.call("SET", "k", "v" * 1_000_000) == OK
        connection.send_bytes(encode("GET", "k") * 200)
        wait_until(lambda: _any_output(server), "output is held")
        assert server.resident_bytes() < 200 << 20
        for _ in range(200):
            assert len(connection.receive()) == 1_000_000


def _any_output(server):
    return any(int(number) > 0 for number in re.findall(r"omem=(\d+)", server.call("CLIENT", "LIST").decode()))


def test_versions(start_tls, trusting):
    server = start_tls({"tls.min_version": "1.3"})
    assert refused(server, trusting(maximum_version=ssl.TLSVersion.TLSv1_2))
    with connect(server, trusting()) as connection:
        assert connection.socket.version() == "TLSv1.3"
        assert connection.call("CONFIG", "SET", "tls.min_version", "1.2") == OK
    with connect(server, trusting(maximum_version=ssl.TLSVersion.TLSv1_2)) as connection:
        assert connection.socket.version() == "TLSv1.2" and connection.call("PING") == PONG


def test_ciphers(start_tls, trusting):
    server = start_tls({"tls.ciphers": "ECDHE-ECDSA-AES256-GCM-SHA384", "tls.cipher_suites": "TLS_CHACHA20_POLY1305_SHA256"})
    with connect(server, trusting(maximum_version=ssl.TLSVersion.TLSv1_2)) as connection:
        assert connection.socket.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
    with connect(server, trusting()) as connection:
        assert connection.socket.cipher()[0] == "TLS_CHACHA20_POLY1305_SHA256"
        answer = connection.call("CONFIG", "SET", "tls-ciphers", "nonsense")
        assert isinstance(answer, Error) and "tls-ciphers" in answer
        assert connection.call("PING") == PONG


@pytest.mark.parametrize("mode, without, stranger", [("no", True, True), ("optional", True, False), ("required", False, False),
                                                     ("yes", False, False)])
def test_certificates_of_clients(start_tls, trusting, certificates, mode, without, stranger):
    server = start_tls({"tls.client_certificates": mode, "tls.ca_file": certificates / "ca.pem"})
    assert refused(server, trusting()) is not without
    assert refused(server, trusting("stranger")) is not stranger
    assert not refused(server, trusting("client"))


def test_certificates_are_renewed(start_tls, trusting, certificates, tmp_path):
    for kind in ("pem", "key"):
        shutil.copy(certificates / f"server.{kind}", tmp_path / f"in-use.{kind}")
    server = start_tls({"tls.certificate_file": tmp_path / "in-use.pem", "tls.key_file": tmp_path / "in-use.key"})
    with connect(server, trusting()) as old:
        assert common_name(old) == "server"
        for kind in ("pem", "key"):
            shutil.copy(certificates / f"renewed.{kind}", tmp_path / f"in-use.{kind}")
        server.process.send_signal(signal.SIGHUP)

        def is_renewed():
            with connect(server, trusting()) as new:
                return common_name(new) == "renewed" and new.call("PING") == PONG
        wait_until(is_renewed, "new connections see the new certificate")
        assert old.call("PING") == PONG
        # What is broken is not taken, and said.
        (tmp_path / "in-use.pem").write_text("nonsense")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "tls.certificate_file" in server.log(), "the problem is told")
        assert is_renewed()


def test_certificates_by_config_set(start_tls, trusting, certificates):
    server = start_tls()
    with connect(server, trusting()) as connection:
        answer = connection.call("CONFIG", "SET", "tls-cert-file", certificates / "renewed.pem")
        assert isinstance(answer, Error) and "tls.key_file" in answer  # it is not this certificate's
        assert connection.call("CONFIG", "SET", "tls-cert-file", certificates / "renewed.pem", "tls-key-file",
                               certificates / "renewed.key") == OK
        assert connection.call("CONFIG", "GET", "tls-cert-file")[1].endswith(b"renewed.pem")
    with connect(server, trusting()) as connection:
        assert common_name(connection) == "renewed"


@pytest.mark.parametrize("settings, text", [
    ({"tls.certificate_file": "", }, "tls.certificate_file"),
    ({"tls.certificate_file": "missing.pem"}, "missing.pem"),
    ({"tls.key_file": "{certificates}/client.key"}, "tls.key_file: {certificates}/client.key: key values mismatch"),
    ({"tls.key_file": "{certificates}/encrypted.key"}, "tls.key_file"),
    ({"tls.client_certificates": "required"}, "tls.ca_file"),
    ({"tls.client_certificates": "required", "tls.ca_file": "{certificates}/server.key"}, "tls.ca_file"),
    ({"tls.cipher_suites": "nonsense"}, "tls.cipher_suites"),
])
def test_what_is_wrong_is_said_at_the_start(start_tls, certificates, settings, text):
    def written_out(words):
        return words.replace("{certificates}", str(certificates))
    with pytest.raises(StartFailure, match=re.escape(written_out(text))):
        start_tls({key: written_out(value) for key, value in settings.items()})


def test_a_port_twice(start_server, certificates):
    port = free_port()
    with pytest.raises(StartFailure, match="tls.port"):
        start_server({"tls.port": port, "tls.certificate_file": certificates / "server.pem", "tls.key_file": certificates / "server.key"},
                     port=port)


# The admin API --------------------------------------------------------------------------------------------------------------

def fetch(server, context, path, headers=None):
    request = urllib.request.Request(f"https://127.0.0.1:{server.admin_port}{path}", headers=headers or {})
    with urllib.request.urlopen(request, timeout=30, context=context) as answer:
        return answer.status, answer.read()


def test_the_admin_api_by_https(start_server, certificates, trusting):
    server = start_server({"tls.admin": "yes", "tls.certificate_file": certificates / "server.pem", "tls.key_file": certificates / "server.key"})
    assert server.call("SET", "k", "v" * 300_000) == OK
    assert fetch(server, trusting(), "/healthz")[0] == 200
    assert b"strata_" in fetch(server, trusting(), "/metrics")[1]
    assert fetch(server, trusting(), "/v1/keys/k?value=raw", {"Connection": "close"})[1] == b"v" * 300_000
    with pytest.raises(OSError):  # it does not speak HTTP there
        urllib.request.urlopen(f"{server.admin_url}/healthz", timeout=30)
    assert fetch(server, trusting(), "/healthz")[0] == 200
    # A certificate is renewed there, too.
    assert server.call("CONFIG", "SET", "tls-cert-file", certificates / "renewed.pem", "tls-key-file", certificates / "renewed.key") == OK
    with trusting().wrap_socket(socket.create_connection(("127.0.0.1", server.admin_port)), server_hostname="127.0.0.1") as raw:
        assert dict(pair[0] for pair in raw.getpeercert()["subject"])["commonName"] == "renewed"


def test_the_admin_api_asks_for_certificates(start_server, certificates, trusting):
    server = start_server({"tls.admin": "yes", "tls.certificate_file": certificates / "server.pem", "tls.key_file": certificates / "server.key",
                           "tls.client_certificates": "required", "tls.ca_file": certificates / "ca.pem"})
    assert fetch(server, trusting("client"), "/healthz")[0] == 200
    with pytest.raises(OSError):
        fetch(server, trusting(), "/healthz")
