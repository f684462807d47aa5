"""Reads JSON written by programs. A field that is missing or of another kind is an error that names it."""

import json

from loadtest.book.failure import BookError


class Fields:
    """A JSON object. `where` says in errors where it came from."""

    def __init__(self, value, where):
        if not isinstance(value, dict):
            raise BookError(f"{where}: a JSON object was expected, not {json.dumps(value)[:80]}")
        self.value = value
        self.where = where

    def _get(self, name, kinds, kind_name):
        if name not in self.value:
            raise BookError(f"{self.where}: the field \"{name}\" is missing")
        value = self.value[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise BookError(f"{self.where}: the field \"{name}\" should be {kind_name}, and is {json.dumps(value)[:80]}")
        return value

    def number(self, name):
        return self._get(name, (int, float), "a number")

    def count(self, name):
        value = self._get(name, (int,), "a whole number")
        if value < 0:
            raise BookError(f"{self.where}: the field \"{name}\" is negative: {value}")
        return value

    def flag(self, name):
        return self._get(name, (bool,), "true or false")

    def text(self, name):
        return self._get(name, (str,), "a text")

    def array(self, name):
        return self._get(name, (list,), "an array")

    def object(self, name):
        return Fields(self._get(name, (dict,), "an object"), f"{self.where}, {name}")


def _no_constant(text):
    raise ValueError(f"{text} is not a number")


def parse_json(text, where):
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise BookError(f"{where}: not JSON ({error}): {text[:200]!r}") from None


def parse_object(text, where):
    return Fields(parse_json(text, where), where)
