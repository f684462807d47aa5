"""Drives strata-loadtest and reads what it tells."""

from dataclasses import dataclass

from loadtest.book.failure import BookError, CommandFailed
from loadtest.book.program import LONGEST_SECONDS, run_program
from loadtest.book.strict_json import Fields, parse_object


@dataclass(frozen=True)
class Told:
    """One run of the generator: its command line, and its JSON."""

    words: list
    fields: Fields

    @property
    def for_the_record(self):
        """Without the rows of every second, and without the command line, which is recorded beside it."""
        return {name: value for name, value in self.fields.value.items() if name not in ("series", "command")}


class Generator:
    """Runs on the core that the servers leave free."""

    def __init__(self, plan):
        self._plan = plan
        self._program = plan.program("strata-loadtest")
        if not self._program.is_file():
            raise BookError(f"the load generator {plan.relative(self._program)} is not built")

    def tell(self, command, server, *options):
        """Runs `strata-loadtest COMMAND` against a started server. An error reply, or anything else amiss, is an error."""
        told = self._run(command, server, options, (0,), LONGEST_SECONDS)
        errors = told.fields.count("error_count")
        if errors:
            raise BookError(f"{told.fields.where}: {errors} error replies: {told.fields.object('errors').value}")
        return told

    def attempt(self, command, server, *options, longest_s=LONGEST_SECONDS):
        """The same where error replies are among the results: what was told, whatever it says."""
        return self._run(command, server, options, (0, 1), longest_s)

    def _run(self, command, server, options, well, longest_s):
        words = ["taskset", "-c", self._plan.load_core, self._plan.relative(self._program), *command,
                 "--protocol", server.peer.protocol, "--host", "127.0.0.1", "--port", server.port, "--server-pid", server.pid,
                 *options, "--quiet", "--json", "-"]
        words = [str(word) for word in words]
        try:
            output, complaint = run_program(words, self._plan.root, longest_s, well)
        finally:
            server.check_alive()
        if not output:
            raise CommandFailed(words, "told nothing", complaint)
        return Told(words, parse_object(output, f"strata-loadtest {command[0]} against {server.peer.name}"))

    def run(self, server, *options):
        return self.tell(["run"], server, *options)

    def load(self, server, keys, *options):
        """Stores every key once, and checks that the server counts them all."""
        told = self.tell(["load"], server, "--keys", keys, "--pipeline", 64, *options)
        load = told.fields.object("load")
        if load.count("items") != keys or load.count("items_on_server") != keys:
            raise BookError(f"{load.where}: {keys} keys were to be stored; {load.count('items')} were, "
                            f"and the server counts {load.count('items_on_server')}")
        return told

    def trace(self, server, file, *options):
        return self.tell(["trace", file], server, *options)


def all_hits(told):
    """Raises unless every GET of a run found its key."""
    get = told.fields.object("operations").object("get")
    if get.count("misses") or get.count("hits") != get.count("requests"):
        raise BookError(f"{told.fields.where}: of {get.count('requests')} GETs of stored keys only {get.count('hits')} found theirs")
