"""Random command streams, the same for the same seed: valid and invalid, over few keys so that commands meet."""

import random
from dataclasses import dataclass

import dump_payload
import vocabulary

CLIENTS = 3


@dataclass(frozen=True)
class Step:
    """One request. `form` says how it is written: "array", "inline", or "raw" (words[0] as it is, then the connection ends)."""

    client: int
    words: tuple
    form: str = "array"
    joins_next: bool = False  # sent together with the next step, if that is of the same client
    written: bytes = b""  # how the words are written, where `form` does not say all

    def encode(self):
        if self.written:
            return self.written
        if self.form == "raw":
            return self.words[0]
        if self.form == "inline":
            return b" ".join(quote(word) for word in self.words) + b"\r\n"
        return b"*%d\r\n" % len(self.words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in self.words)

    @property
    def name(self):
        return self.words[0].lower()

    @property
    def ends_connection(self):
        return self.form == "raw" or self.name == b"quit"

    @property
    def sent_alone(self):
        """HTTP ends the connection at once, and redis-server drops what it had not sent yet."""
        return self.form == "raw" and self.words[0] in vocabulary.HTTP_REQUESTS

    def __str__(self):
        shown = " ".join(repr(word if len(word) <= 60 else word[:57] + b"...")[1:] for word in self.words)
        written = f" written {self.written[:200]!r}" if self.written else ""
        return f"client {self.client} {self.form:6} {shown}{written}"


def quote(word):
    """The word for an inline command, in double quotes where it needs them."""
    if word and all(33 <= byte < 127 and byte not in b"\"'\\" for byte in word):
        return word
    return b'"' + b"".join(b"\\x%02x" % byte if byte < 32 or byte > 126 or byte in b'"\\' else bytes([byte]) for byte in word) + b'"'


ESCAPES = {b"\n": b"\\n", b"\r": b"\\r", b"\t": b"\\t", b"\b": b"\\b", b"\a": b"\\a", b"\x00": b"\\x00", b'"': b'\\"', b"\\": b"\\\\"}

# Requests of no words: they are passed over, without a reply.
NO_REQUESTS = (b"\r\n", b"\n", b"*0\r\n", b"*-1\r\n", b"  \r\n", b"\r\n\r\n")


class CommandStream:
    """An endless iterator of steps."""

    def __init__(self, seed, unimplemented=True):
        self._random = random.Random(seed)
        self._unimplemented = unimplemented
        self._used_seconds = set()
        self._pipeline_left = 0
        self._client = 0
        self._makers = vocabulary.makers(self)
        self._weights = [weight for weight, _ in self._makers]

    def __iter__(self):
        return self

    def __next__(self):
        if self._pipeline_left == 0:
            self._client = self._random.randrange(CLIENTS)
            self._pipeline_left = self._random.choice((1, 1, 2, 5, 10, 30))
        self._pipeline_left -= 1
        return self._step()

    def _step(self):
        roll = self._random.random()
        if roll < 0.002:
            return Step(self._client, (self.choice((*vocabulary.BROKEN_REQUESTS, *vocabulary.HTTP_REQUESTS)),), "raw")
        if roll < 0.012 and self._unimplemented:
            return Step(self._client, self._mixed_case((self.choice(vocabulary.UNIMPLEMENTED), b"key:1", b"1")))
        _, maker = self._random.choices(self._makers, self._weights)[0]
        words = self._mixed_case(tuple(map(_to_bytes, maker())))
        if self._random.random() < 0.02:
            words = self._damaged(words)
        form = "inline" if self._random.random() < 0.1 and sum(map(len, words)) < 4_000 else "array"
        # A walk goes on by itself: nothing may be in the pipeline behind it.
        joins = self._pipeline_left > 0 and words[0].lower() != b"scan"
        return Step(self._client, words, form, joins, self._written(words, form))

    def _written(self, words, form):
        """Now and then another way to write the same words."""
        if form == "inline" and self.chance(0.5):
            blanks = (b" ", b"  ", b"\t", b" \t ")
            line = b"".join(self.choice(blanks) + self._quoted(word) for word in words)
            return line.lstrip() + self.choice((b"", b" ", b"\t")) + self.choice((b"\r\n", b"\n"))
        if self.chance(0.01):
            return self.choice(NO_REQUESTS) + Step(0, words, form).encode()
        return b""

    def _quoted(self, word):
        """The word for an inline command, in one of the ways that it can be written."""
        kind = self._random.randrange(4)
        if kind <= 1 and not any(byte in word for byte in (b"\\", b"\n", b"\x00")):
            return b"'" + word.replace(b"'", b"\\'") + b"'"
        if kind == 2:
            return b'"' + b"".join(ESCAPES.get(word[at:at + 1], word[at:at + 1]) for at in range(len(word))) + b'"'
        return quote(word)

    def _mixed_case(self, words):
        style = self._random.randrange(4)
        name = words[0]
        if style == 0:
            name = name.lower()
        elif style == 1:
            name = bytes(byte ^ 0x20 if self._random.random() < 0.5 and chr(byte).isalpha() else byte for byte in name)
        return (name, *words[1:])

    def _damaged(self, words):
        """Wrong arity, a word too many, a word of junk."""
        # These end or wait for something with some arguments.
        if words[0].lower() in (b"shutdown", b"quit", b"debug", b"scan") or words[:2] == (b"CLIENT", b"KILL"):
            return words
        # redis-server takes a user without a name, and a limit of 2^64 bytes and more, which Strata does not.
        if [word.lower() for word in words[:2]] in ([b"acl", b"setuser"], [b"config", b"set"]):
            return words
        kind = self._random.randrange(3)
        if kind == 0 and len(words) > 1:
            return words[:-1]
        if kind == 1:
            return (*words, self.choice(vocabulary.JUNK_WORDS))
        if len(words) > 1 and words[0].lower() not in vocabulary.CONTAINERS:
            position = self._random.randrange(1, len(words))
            return (*words[:position], self.choice(vocabulary.JUNK_WORDS), *words[position + 1:])
        return words

    # What the vocabulary is made with ------------------------------------------------------------------------------------

    def choice(self, options):
        return self._random.choice(options)

    def some(self, options, most):
        return [self.choice(options) for _ in range(self._random.randint(0, most))]

    def names_of_commands(self):
        return vocabulary.NAMES_OF_COMMANDS

    def chance(self, probability):
        return self._random.random() < probability

    def key(self):
        return self.choice(vocabulary.KEYS if self.chance(0.99) else vocabulary.LONG_KEYS)

    def keys(self, most=6):
        return [self.key() for _ in range(self._random.randint(1, most))]

    def value(self):
        kind = self._random.random()
        if kind < 0.4:
            return str(self._random.randint(-1_000, 1_000))
        if kind < 0.6:
            return self.choice(vocabulary.NUMBERS)
        if kind < 0.9:
            return self.choice(vocabulary.TEXTS)
        if kind < 0.995:
            return self._random.randbytes(self._random.randint(0, 200))
        return self._random.randbytes(self._random.choice((1_023, 16_384, 40_000, 100_000, 300_000)))

    def words_alike(self):
        """A text that has much in common with others of its kind."""
        letters = self.choice((b"ab", b"abc", b"abcdefgh"))
        return bytes(self.choice(letters) for _ in range(self.choice((0, 1, 5, 20, 60, 200))))

    def field_number(self):
        return self.choice(vocabulary.NUMBERS) if self.chance(0.2) else self._random.choice((1, -1, 0, 100, -100, 255, 256, 70_000, -70_000))

    def payload(self):
        """What RESTORE may be given: good, of any encoding, or not."""
        kind = self._random.random()
        value = dump_payload.to_bytes(self.value())
        if kind < 0.5:
            return dump_payload.of_string(value)
        if kind < 0.65:
            return dump_payload.of_integer(self._random.randint(-(1 << 31), (1 << 31) - 1), self.choice((1, 2, 4)))
        if kind < 0.8:
            return dump_payload.of_compressed(value + b"abc" * self._random.randint(1, 200))
        return dump_payload.damaged(self._random, dump_payload.of_string(value))

    def number(self):
        return self.choice(vocabulary.NUMBERS) if self.chance(0.3) else self._random.randint(-100, 100)

    def distant_seconds(self):
        """A time to live that no other in this stream equals: always 10,000 s apart.

        Commands reach the two servers at slightly different times. With any two expiries that far apart, EXPIRE GT and LT decide
        alike on both, and nothing expires during a run.
        """
        while (seconds := 10_000 * self._random.randint(1, 10_000_000)) in self._used_seconds:
            pass
        self._used_seconds.add(seconds)
        return seconds

    def expiry_number(self, scale):
        """A relative expiry in units of 1/scale seconds: distant, past, or not a time at all."""
        kind = self._random.random()
        if kind < 0.7:
            return self.distant_seconds() * scale
        return self.choice((0, -1, -1_000_000) if kind < 0.8 else vocabulary.BAD_EXPIRIES)


def _to_bytes(word):
    return word if isinstance(word, bytes) else str(word).encode()
