"""How much resident memory an item costs."""

from dataclasses import dataclass

from loadtest.book.comparison import rotated
from loadtest.book.generator import Generator, all_hits
from loadtest.book.peers import find_peers
from loadtest.book.report.layout import Chart, Metric, Table, decimals, mebibytes
from loadtest.book.resident_memory import resident_bytes, settled_bytes
from loadtest.book.server_process import ServerProcess

TITLE = "Memory"
USUAL_ROUNDS = 3
SERVERS = ("strata", "redis", "memcached")
READ_BACK = 10_000
STEPS_OF_AN_OCTAVE = 5


@dataclass(frozen=True)
class Dataset:
    name: str
    key_bytes: int
    value_size: str
    value_content: str
    items: int


DATASETS = (
    Dataset("16 B key, 64 B value", 16, "64", "random", 2_000_000),
    Dataset("20 B key, lognormal(5.2, 0.9) value", 20, "lognormal:5.2:0.9", "random", 1_000_000),
    Dataset("20 B key, JSON of 450 to 650 B", 20, "uniform:450:650", "json", 400_000),
    Dataset("20 B key, 4 to 64 KiB value", 20, "uniform:4096:65536", "random", 12_000),
)


def item_counts(full):
    """Five counts from the full one downwards, each the fifth root of 2 less than the one before.

    What an index that doubles costs an item repeats with every doubling of the items. These five cut one doubling into equal parts, so
    that one of them is close behind the step wherever it lies, and their mean moves by no more than 7 % with its place. Counts from
    60 to 100 % would cover three quarters of a doubling, and miss a step that lies in the last.
    """
    return [round(full / 2 ** (step / STEPS_OF_AN_OCTAVE)) for step in range(STEPS_OF_AN_OCTAVE)]


def measure(plan, recording):
    generator = Generator(plan)
    found = find_peers(plan, SERVERS, recording.skip)
    recording.subjects = [peer.name for peer in found]
    shrink = 200 if plan.quick else 1
    recording.parameters = {"datasets": [vars(dataset) | {"items": item_counts(dataset.items // shrink)} for dataset in DATASETS],
                            "read_back": READ_BACK}
    # The first count is the one to look at when something is wrong, and a quick run does with it and the last.
    for dataset in DATASETS:
        counts = item_counts(dataset.items // shrink)
        for number, items in enumerate(counts[::4] if plan.quick else counts):
            plan.note(f"memory: {items} x {dataset.name}")
            for round_number in plan.rounds(USUAL_ROUNDS):
                for peer in rotated(list(found), round_number + number):
                    _measure_one(plan, recording, generator, (peer, found[peer]), (dataset, items), round_number)


def _measure_one(plan, recording, generator, subject, content, round_number):
    (peer, program), (dataset, items) = subject, content
    longest_s = 0.4 if plan.quick else 15.0
    with ServerProcess(plan, peer, program) as server:
        def rss():
            return settled_bytes(lambda: resident_bytes(server.pid), longest_s=longest_s)
        empty = rss()
        keys = ["--key-size", dataset.key_bytes, "--value-size", dataset.value_size, "--value-content", dataset.value_content]
        told = generator.load(server, items, *keys)
        full = rss()
        read = generator.run(server, "--keys", items, *keys, "--mix", "get=1", "--distribution", "uniform", "--requests",
                             min(READ_BACK, items))
        all_hits(read)
        load = told.fields.object("load")
        data = (load.count("key_bytes") + load.count("value_bytes")) / items
        values = {"rss_empty_bytes": empty, "rss_full_bytes": full, "data_bytes_per_item": data,
                  "bytes_per_item": (full - empty) / items, "overhead_bytes_per_item": (full - empty) / items - data}
        recording.add({"data": dataset.name, "items": items}, peer.name, round_number, values,
                      [plan.shown(words) for words in (server.words, told.words, read.words)], told.for_the_record)


def mean_over_counts(measurements):
    """One measurement for each data set, subject and round: the mean of its item counts."""
    groups = {}
    for measurement in measurements:
        groups.setdefault((measurement["row"]["data"], measurement["subject"], measurement["round"]), []).append(measurement)
    means = []
    for (data, subject, round_number), group in groups.items():
        values = {name: sum(member["values"][name] for member in group) / len(group)
                  for name in ("data_bytes_per_item", "bytes_per_item", "overhead_bytes_per_item")}
        means.append({"row": {"data": data}, "subject": subject, "round": round_number, "values": values, "excluded": None})
    return means


_PER_ITEM = (Metric("data_bytes_per_item", "key and value B", decimals(1)),
             Metric("bytes_per_item", "resident B an item", decimals(1), "less"),
             Metric("overhead_bytes_per_item", "overhead B an item", decimals(1), "less"))

TABLES = (
    Table(
        f"{TITLE}: mean over the item counts",
        (("data", "data"),),
        _PER_ITEM,
        "Resident memory of the server after loading, less that of the same server freshly started with one client connected, "
        "over the number of items; overhead is what is not key or value. The kernel's page count (smaps_rollup) is read once it "
        "stands still. The server's own count of its items was compared with the number loaded, and {read_back:,} random keys "
        "were read back and found. Nothing may be evicted.",
        derive=mean_over_counts),
    Table(
        f"{TITLE}: each item count",
        (("data", "data"), ("items", "items")),
        (Metric("rss_empty_bytes", "RSS empty MiB", mebibytes), Metric("rss_full_bytes", "RSS full MiB", mebibytes), *_PER_ITEM[1:]),
        "The counts divide one doubling into five equal parts, so that an index that grows by doubling can not hide the cost "
        "just after a step: wherever the step lies, one of the counts is close behind it."),
)

CHARTS = (
    Chart("memory-overhead", "Memory beyond key and value, mean over five item counts (less is better)", "bytes an item",
          "overhead_bytes_per_item", lambda row: row["data"], derive=mean_over_counts),
)
