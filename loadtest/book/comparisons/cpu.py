"""What a request costs the server when all servers are offered the same."""

from loadtest.book.comparison import rotated
from loadtest.book.comparisons.running_servers import running_servers
from loadtest.book.generator import Generator, all_hits
from loadtest.book.peers import find_peers
from loadtest.book.report.layout import Metric, Table, decimals, whole

TITLE = "Processor time at an equal rate"
USUAL_ROUNDS = 9
SERVERS = ("floor", "strata", "redis", "memcached")


def _parameters(quick):
    # Requests a second that one core serves with time left, of every server here, at that many requests sent together.
    rates = [[1, 20_000], [16, 100_000]] if quick else [[1, 90_000], [16, 150_000], [64, 150_000]]
    return {"rates": rates, "keys": 10_000 if quick else 1_000_000, "key_bytes": 16, "value_bytes": 64, "distribution": "zipf:0.99",
            "connections": 32, "duration": "200ms" if quick else "3s", "warmup": "50ms" if quick else "500ms"}


def measure(plan, recording):
    generator = Generator(plan)
    given = recording.parameters = _parameters(plan.quick)
    found = find_peers(plan, SERVERS, recording.skip)
    recording.subjects = [peer.name for peer in found]
    key_options = ["--key-size", given["key_bytes"], "--value-size", given["value_bytes"]]
    for round_number in plan.rounds(USUAL_ROUNDS):
        plan.note(f"cpu: round {round_number + 1}")
        with running_servers(plan, generator, found, given["keys"], key_options) as servers:
            for number, (pipeline, rate) in enumerate(given["rates"]):
                for peer in rotated(list(found), round_number + number):
                    server = servers[peer.name]
                    told = generator.run(server, "--keys", given["keys"], *key_options, "--value-content", peer.value_content,
                                         "--mix", "get=1", "--distribution", given["distribution"], "--connections", given["connections"],
                                         "--pipeline", pipeline, "--rate", rate, "--duration", given["duration"], "--warmup", given["warmup"])
                    if peer.stores:
                        all_hits(told)
                    recording.add({"pipeline": pipeline, "offered_per_s": rate}, peer.name, round_number, _values(told),
                                  [plan.shown(server.words), plan.shown(told.words)], told.for_the_record)


def _values(told):
    return {"requests_per_s": told.fields.number("requests_per_s"),
            "server_cpu_us": told.fields.object("server").number("cpu_us_per_request")}


TABLES = (
    Table(
        TITLE,
        (("pipeline", "pipeline"), ("offered_per_s", "offered, requests/s")),
        (Metric("server_cpu_us", "server CPU us a GET", decimals(3), "less"), Metric("requests_per_s", "requests/s", whole)),
        "One thread and one core for each server, another core for the load generator; open loop over {connections} connections: requests are due "
        "in groups of the pipeline's length at a fixed rate, which all servers keep up with, so that each is asked the same at the same "
        "times. {keys:,} keys of {key_bytes} B with values of {value_bytes} B, {distribution}. *floor* is a server that answers without "
        "parsing or storing anything: what the system calls alone cost."),
)

CHARTS = ()
