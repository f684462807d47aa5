"""What the load generator itself costs, beside a client that only sends the same bytes and counts what comes back."""

from loadtest.book.comparison import rotated
from loadtest.book.failure import BookError, Unavailable
from loadtest.book.generator import Generator
from loadtest.book.peers import PEERS
from loadtest.book.program import run_program
from loadtest.book.report.layout import Metric, Table, decimals, whole
from loadtest.book.server_process import ServerProcess
from loadtest.book.strict_json import parse_object

TITLE = "The load generator itself"
USUAL_ROUNDS = 15
FLOOR = "floor"
FLOOR_REPLY_BYTES = 71  # "$64", 64 B of value, and the ends of both lines
OURS, BARE = "strata-loadtest", "strata-bare-client"


def _parameters(quick):
    return {"pipelines": [1, 16, 64], "connections": 10, "milliseconds": 200 if quick else 2000}


def measure(plan, recording):
    bare = plan.program(BARE)
    if not bare.is_file():
        raise BookError(f"generator: {plan.relative(bare)} is not built (./dev build --target strata_benchmarks)")
    try:
        program = PEERS[FLOOR].find(plan)
    except Unavailable as reason:
        raise BookError(f"generator: there is nothing to send to: {reason}") from None
    given = recording.parameters = _parameters(plan.quick)
    recording.subjects, recording.ours = [OURS, BARE], OURS
    clients = {OURS: _generator(Generator(plan)), BARE: _bare_client(plan, bare)}
    with ServerProcess(plan, PEERS[FLOOR], program) as server:
        for round_number in plan.rounds(USUAL_ROUNDS):
            plan.note(f"generator: round {round_number + 1}")
            for number, pipeline in enumerate(given["pipelines"]):
                for subject in rotated(list(clients), round_number + number):
                    words, values, output = clients[subject](server, given, pipeline)
                    recording.add({"pipeline": pipeline}, subject, round_number, values,
                                  [plan.shown(server.words), plan.shown(words)], output)


def _generator(generator):
    def run(server, given, pipeline):
        told = generator.run(server, "--connections", given["connections"], "--pipeline", pipeline, "--mix", "get=1",
                             "--duration", f"{given['milliseconds']}ms")
        values = {"cpu_us": told.fields.object("client").number("cpu_us_per_request"),
                  "requests_per_s": told.fields.number("requests_per_s")}
        return told.words, values, told.for_the_record
    return run


def _bare_client(plan, program):
    def run(server, given, pipeline):
        words = ["taskset", "-c", plan.load_core, plan.relative(program), server.port, given["connections"], pipeline,
                 given["milliseconds"] / 1000, FLOOR_REPLY_BYTES]
        output, _ = run_program(words, plan.root)
        told = parse_object(output, BARE)
        values = {"cpu_us": told.number("cpu_us_per_request"), "requests_per_s": told.number("requests_per_s")}
        return [str(word) for word in words], values, told.value
    return run


TABLES = (
    Table(
        TITLE,
        (("pipeline", "pipeline"),),
        (Metric("cpu_us", "client CPU us a request", decimals(4), "less"), Metric("requests_per_s", "requests/s", whole)),
        "GETs over {connections} connections to the floor server, which answers each with the same 64 B. The bare client is an "
        "epoll loop that sends the same encoded bytes, does not look at a reply and only counts its bytes; what the generator "
        "needs beyond it is what finding the replies' ends, hits and times costs."),
)

CHARTS = ()
