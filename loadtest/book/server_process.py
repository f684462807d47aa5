"""One server of a comparison, from its start to its end."""

import contextlib
import shutil
import signal
import socket
import subprocess
import time

from loadtest.book.failure import CommandFailed
from loadtest.book.peers import Start
from loadtest.book.program import clean_environment

READY_WITHIN_S = 60
ENDS_WITHIN_S = 60


def free_port():
    """A port of loopback that the kernel just had to give away."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ServerProcess:
    """Use in a with block: the server is up inside it, and has ended after it. Keeps one connection open meanwhile."""

    def __init__(self, plan, peer, program, limit_bytes=None, policy=None):
        self.peer = peer
        self.port = free_port()
        self._root = plan.root
        self._folder = plan.scratch / "servers" / f"{peer.name}-{self.port}"
        start = Start(plan.relative(program), self.port, plan.relative(self._folder), limit_bytes, policy)
        self.words = ["taskset", "-c", str(plan.server_core), *map(str, peer.words(start))]
        self._process = None
        self._connection = None

    @property
    def pid(self):
        return self._process.pid

    @property
    def log(self):
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def __enter__(self):
        self._folder.mkdir(parents=True, exist_ok=True)
        with open(self._folder / "log", "wb") as log:
            self._process = subprocess.Popen(self.words, cwd=self._root, env=clean_environment(), stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log)
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def _wait_until_ready(self):
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._answers():
            # Waiting for the end of the process paces the attempts, and notices at once if it ends.
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(timeout=0.01)
                raise CommandFailed(self.words, f"ended with {code} before it answered", self.log)
            if time.monotonic() > deadline:
                raise CommandFailed(self.words, f"did not answer within {READY_WITHIN_S} s", self.log)

    def _answers(self):
        try:
            connection = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        except OSError:
            return False
        try:
            connection.sendall(self.peer.ping)
            if connection.recv(4096).startswith(self.peer.pong):
                self._connection = connection
                return True
        except OSError:
            pass
        connection.close()
        return False

    def check_alive(self):
        code = self._process.poll()
        if code is not None:
            raise CommandFailed(self.words, f"ended with {code} while it was measured", self.log)

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends the process, by force if it takes too long, and waits for it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None
        # An error has told what the log said.
        shutil.rmtree(self._folder, ignore_errors=True)
