"""All servers of a round, up together and filled alike, so that each can be measured right after the others."""

import contextlib

from loadtest.book.server_process import ServerProcess


@contextlib.contextmanager
def running_servers(plan, generator, found, keys, options):
    """{peer name: server} with every key of `keys` stored. `options`: of the keys, for the generator."""
    with contextlib.ExitStack() as stack:
        servers = {}
        for peer, program in found.items():
            server = servers[peer.name] = stack.enter_context(ServerProcess(plan, peer, program))
            if peer.stores:
                generator.load(server, keys, *options, "--value-content", peer.value_content)
        yield servers
