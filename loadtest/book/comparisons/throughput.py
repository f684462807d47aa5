"""How many requests a second one core serves, and what a request costs the server."""

from loadtest.book.comparison import rotated
from loadtest.book.comparisons.running_servers import running_servers
from loadtest.book.generator import Generator, all_hits
from loadtest.book.peers import find_peers
from loadtest.book.report.layout import Chart, Metric, Table, decimals, whole

TITLE = "Throughput"
USUAL_ROUNDS = 7
SERVERS = ("strata", "redis", "memcached", "floor")
OPERATIONS = ("get", "set")


def _parameters(quick):
    return {"pipelines": [1, 16] if quick else [1, 16, 64, 128], "keys": 10_000 if quick else 1_000_000, "key_bytes": 16,
            "value_bytes": 64, "distribution": "zipf:0.99", "connections": 32, "duration": "200ms" if quick else "3s",
            "warmup": "50ms" if quick else "500ms"}


def measure(plan, recording):
    generator = Generator(plan)
    given = recording.parameters = _parameters(plan.quick)
    found = find_peers(plan, SERVERS, recording.skip)
    recording.subjects = [peer.name for peer in found]
    key_options = ["--key-size", given["key_bytes"], "--value-size", given["value_bytes"]]
    cells = [(operation, pipeline) for operation in OPERATIONS for pipeline in given["pipelines"]]
    for round_number in plan.rounds(USUAL_ROUNDS):
        plan.note(f"throughput: round {round_number + 1}")
        with running_servers(plan, generator, found, given["keys"], key_options) as servers:
            for number, (operation, pipeline) in enumerate(cells):
                for peer in rotated(list(found), round_number + number):
                    server = servers[peer.name]
                    told = generator.run(server, "--keys", given["keys"], *key_options, "--value-content", peer.value_content,
                                         "--mix", f"{operation}=1", "--distribution", given["distribution"],
                                         "--connections", given["connections"], "--pipeline", pipeline,
                                         "--duration", given["duration"], "--warmup", given["warmup"])
                    if operation == "get" and peer.stores:
                        all_hits(told)
                    recording.add({"operation": operation.upper(), "pipeline": pipeline}, peer.name, round_number, _values(told),
                                  [plan.shown(server.words), plan.shown(told.words)], told.for_the_record)


def _values(told):
    return {"requests_per_s": told.fields.number("requests_per_s"),
            "server_cpu_us": told.fields.object("server").number("cpu_us_per_request"),
            "load_cpu_us": told.fields.object("client").number("cpu_us_per_request")}


TABLES = (
    Table(
        TITLE,
        (("operation", "operation"), ("pipeline", "pipeline")),
        (Metric("server_cpu_us", "server CPU us a request", decimals(3), "less"),
         Metric("requests_per_s", "requests/s", whole, "more"),
         Metric("load_cpu_us", "generator CPU us a request", decimals(3))),
        "Every server has one thread and one core, the load generator another; closed loop over {connections} connections. "
        "Before each round the servers are started anew and filled with {keys:,} keys of {key_bytes} B with values of "
        "{value_bytes} B; the popularity of keys is {distribution}. What a request costs the server's process is the figure to "
        "compare: requests/s also contain what the generator and the kernel can do, and say nothing more where the generator's "
        "own CPU time a request fills the time between two requests. *floor* is a server that answers without parsing or "
        "storing anything: what the system calls alone cost."),
)

CHARTS = tuple(
    Chart(f"throughput-{operation.lower()}", f"Server CPU time of a {operation}, by pipeline depth (less is better)", "us a request",
          "server_cpu_us", lambda row: f"pipeline {row['pipeline']}",
          lambda measurement, operation=operation: measurement["row"]["operation"] == operation)
    for operation in ("GET", "SET"))
