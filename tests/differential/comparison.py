"""Sends one stream to two servers and finds the first reply that differs."""

import time
from dataclasses import dataclass

from differences import Reply, is_unknown_command, not_there_yet, same_reply
from generator import CLIENTS
from resp_connection import Disconnected, RespConnection
from vocabulary_administration import SETTINGS

WALK_LIMIT = 100_000


@dataclass(frozen=True)
class Difference:
    index: int  # of the step in the stream
    step: object
    ours: bytes
    theirs: bytes

    def __str__(self):
        return f"step {self.index}: {self.step}\n  ours:      {_shown(self.ours)}\n  reference: {_shown(self.theirs)}"


def _shown(data):
    return repr(data if len(data) <= 1_000 else data[:1_000] + b"...")


class Side:
    """One server and its connections."""

    def __init__(self, address, timeout):
        self._address = address
        self._timeout = timeout
        self._connections = [self._connect() for _ in range(CLIENTS)]
        self._connections[0].call("FLUSHALL")
        self._connections[0].call("CONFIG", "SET", *(word for name, (value, _) in SETTINGS.items() for word in (name, value)))
        self._connections[0].call("SLOWLOG", "RESET")
        self._connections[0].call("CONFIG", "RESETSTAT")

    def _connect(self):
        return RespConnection(self._address, self._timeout)

    def close(self):
        for connection in self._connections:
            connection.close()

    def send(self, client, data):
        try:
            self._connections[client].send_bytes(data)
        except ConnectionError:
            pass  # shows when the replies are read

    def receive(self, client):
        """The next reply; a closed connection or bytes that are no reply are a reply too, for the comparison."""
        try:
            return Reply(*self._connections[client].receive_with_bytes())
        except (Disconnected, ConnectionError, TimeoutError, ValueError) as failure:
            return Reply(None, f"<{type(failure).__name__}: {failure}>".encode())

    def receive_until_closed(self, client):
        try:
            return self._connections[client].receive_until_closed()
        except TimeoutError:
            return b"<not closed>"

    def reconnect(self, client):
        self._connections[client].close()
        self._connections[client] = self._connect()

    def walk(self, client, words, first):
        """The set of keys of a whole SCAN that began with the reply `first`, or what stopped it."""
        found, reply = set(), first
        for _ in range(WALK_LIMIT):
            if not (isinstance(reply.value, list) and len(reply.value) == 2 and isinstance(reply.value[1], list)):
                return reply.bytes
            found.update(reply.value[1])
            if reply.value[0] == b"0":
                return found
            words = (words[0], reply.value[0], *words[2:])
            self._connections[client].send(*words)
            reply = self.receive(client)
        return b"<the walk does not end>"


def batches(steps):
    """Groups of (index, step) that are sent at once."""
    group = []
    for index, step in enumerate(steps):
        if group and (group[-1][1].client != step.client or step.sent_alone):
            yield group
            group = []
        group.append((index, step))
        if not step.joins_next or step.ends_connection or step.name == b"scan":
            yield group
            group = []
    if group:
        yield group


def first_difference(ours_address, reference_address, steps, timeout=60.0):
    """Sends the steps to both servers, which are emptied first. None if all replies agree."""
    ours, reference = Side(ours_address, timeout), Side(reference_address, timeout)
    try:
        for batch in batches(steps):
            if difference := _compare_batch(ours, reference, batch):
                return difference
        return None
    finally:
        ours.close()
        reference.close()


def _compare_batch(ours, reference, batch):
    client = batch[0][1].client
    ours.send(client, b"".join(step.encode() for _, step in batch))
    reference.send(client, b"".join(step.encode() for _, step in batch if step.form == "raw" or not not_there_yet(step.words)))
    for index, step in batch:
        if step.ends_connection:
            left, right = ours.receive_until_closed(client), reference.receive_until_closed(client)
            if left != right:
                return Difference(index, step, left, right)
            ours.reconnect(client)
            reference.reconnect(client)
        elif not_there_yet(step.words):
            reply = ours.receive(client)
            if not is_unknown_command(step.words, reply):
                return Difference(index, step, reply.bytes, b"-ERR unknown command")
        elif difference := _compare_reply(ours, reference, index, step):
            return difference
    return None


def _compare_reply(ours, reference, index, step):
    left, right = ours.receive(step.client), reference.receive(step.client)
    if step.name == b"scan" and isinstance(left.value, list) and isinstance(right.value, list):
        found, expected = ours.walk(step.client, step.words, left), reference.walk(step.client, step.words, right)
        if found != expected:
            return Difference(index, step, repr(found).encode(), repr(expected).encode())
    elif not same_reply(step.words, left, right):
        return Difference(index, step, left.bytes, right.bytes)
    return None


def shrink(ours_address, reference_address, steps, most_seconds=60.0):
    """A short list of steps that still shows a difference for the same command as the whole list does, and that difference."""
    deadline = time.monotonic() + most_seconds
    difference = first_difference(ours_address, reference_address, steps)
    if difference is None:
        return steps, None
    steps = steps[:difference.index + 1]
    name, size = difference.step.name, max(1, len(steps) // 2)
    while time.monotonic() < deadline:
        position, removed = 0, False
        while position < len(steps) - 1 and time.monotonic() < deadline:
            shorter = steps[:position] + steps[min(position + size, len(steps) - 1):]
            found = first_difference(ours_address, reference_address, shorter)
            if found is not None and found.step.name == name:
                steps, difference, removed = shorter[:found.index + 1], found, True
            else:
                position += size
        if size == 1 and not removed:
            break
        size = max(1, size // 2)
    return steps, difference
