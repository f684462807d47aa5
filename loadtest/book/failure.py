"""What goes wrong in the book, as text for the person who started it."""

import shlex

LONGEST_OUTPUT = 4000


class BookError(Exception):
    """Ends a comparison; the text says what is wrong and where."""


class Unavailable(BookError):
    """Something can not be measured on this machine; the text says why. The rest goes on without it."""


class CommandFailed(BookError):
    """A program ended with an error, or not in time."""

    def __init__(self, words, outcome, output):
        self.words = [str(word) for word in words]
        output = output.strip()
        if len(output) > LONGEST_OUTPUT:
            output = "[...] " + output[-LONGEST_OUTPUT:]
        super().__init__(f"{shlex.join(self.words)}\n  {outcome}; its output:\n{output or '(none)'}")
