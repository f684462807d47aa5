"""A TCP proxy that alters what passes: a server that is wrong on purpose, to see whether the comparison notices."""

import socket
import threading


class AlteringProxy:
    """Listens on a free port of 127.0.0.1; `alter_request` and `alter_reply` are applied to each piece that passes."""

    def __init__(self, target, alter_request=None, alter_reply=None):
        self._target = target
        self._alter_request = alter_request or (lambda data: data)
        self._alter_reply = alter_reply or (lambda data: data)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Wakes accept(), which close() alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            for source, destination, alter in ((client, server, self._alter_request), (server, client, self._alter_reply)):
                threading.Thread(target=self._forward, args=(source, destination, alter), daemon=True).start()

    @staticmethod
    def _forward(source, destination, alter):
        try:
            while data := source.recv(1 << 20):
                destination.sendall(alter(data))
        except OSError:
            pass  # the other direction has ended
        for end in (source, destination):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # already closed
