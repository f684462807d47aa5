"""Renders the tables of a comparison as markdown, from its raw results alone."""

import shlex

from loadtest.book.comparison import compare, summarise
from loadtest.book.failure import BookError
from loadtest.book.machine import machine_line
from loadtest.book.strict_json import Fields
from loadtest.book.versions import versions_line

MISSING = "-"
FIGURES = "Figures are medians of the rounds, their spread in brackets."
RATIOS = ("{ours}/it is the median of the ratios within each round; where it "
          "lies inside its own spread there is *no difference*.")


def render(recording, tables):
    """All tables of the comparison and what they were measured on."""
    parts = []
    for table in tables:
        chosen = [measurement for measurement in recording.measurements if table.select(measurement)]
        shown = table.derive(chosen) if table.derive else chosen
        if shown:
            parts.append(f"### {table.title}\n\n{_text(recording, table)}\n\n{_table(recording, table, shown)}"
                         + (f"\n{reasons}" if (reasons := _exclusions(recording, table, shown)) else ""))
    if not parts:
        parts.append("Nothing was measured.")
    return "\n\n".join([*parts, _provenance(recording)]) + "\n"


def _text(recording, table):
    try:
        return table.text.format_map(recording.parameters)
    except KeyError as missing:
        raise BookError(f"{recording.name}, raw results: the parameter {missing} is missing") from None


def _table(recording, table, measurements):
    rows = []
    for measurement in measurements:
        if measurement["row"] not in rows:
            rows.append(measurement["row"])
    compared = [metric for metric in table.metrics if metric.better and _has_peers(recording, measurements)]
    titles = [title for _, title in table.labels] + ["subject"]
    for metric in table.metrics:
        titles.append(metric.title)
        if metric in compared:
            titles.append(f"{recording.ours}/it ({metric.better} is better)")
    lines = [titles, ["---"] * (len(table.labels) + 1) + ["---:"] * (len(titles) - len(table.labels) - 1)]
    for row in rows:
        for subject in recording.subjects:
            own = [measurement for measurement in measurements if measurement["row"] == row and measurement["subject"] == subject]
            if own:
                ours = [measurement for measurement in measurements
                        if measurement["row"] == row and measurement["subject"] == recording.ours]
                lines.append(_line(recording, table, compared, row, own, ours))
    return "\n".join("| " + " | ".join(_cell(text) for text in line) + " |" for line in lines)


def _has_peers(recording, measurements):
    subjects = {measurement["subject"] for measurement in measurements}
    return recording.ours in subjects and len(subjects) > 1


def _line(recording, table, compared, row, own, ours):
    cells = [str(row.get(key, MISSING)) for key, _ in table.labels]
    if recording.quick:
        cells[0] = f"quick: {cells[0]}"
    cells.append(own[0]["subject"])
    for metric in table.metrics:
        cells.append(_figure(metric, own))
        if metric in compared:
            cells.append(_ratio(metric, own, ours) if ours else MISSING)
    return cells


def _by_round(metric, measurements):
    return {measurement["round"]: measurement["values"][metric.key]
            for measurement in measurements if metric.key in measurement["values"]}


def _figure(metric, measurements):
    figures = _by_round(metric, measurements)
    if not figures:
        return MISSING
    summary = summarise(list(figures.values()))
    text = metric.show(summary.median)
    return text if summary.spread is None else f"{text} ({_percent(summary.spread)})"


def _ratio(metric, own, ours):
    if own[0]["subject"] == ours[0]["subject"]:
        return ""
    if _exclusion(own) or _exclusion(ours):
        return "not compared"
    comparison = compare(_by_round(metric, ours), _by_round(metric, own))
    if comparison is None:
        return MISSING
    if comparison.spread is None:
        return f"{comparison.ratio:.2f} (one round)"
    text = f"{comparison.ratio:.2f}" if comparison.different else "no difference"
    return f"{text} ({_percent(comparison.spread)})"


def _exclusion(measurements):
    return next((measurement["excluded"] for measurement in measurements if measurement["excluded"]), None)


def _exclusions(recording, table, measurements):
    """Why rows are not compared, a line each."""
    told = {}
    for measurement in measurements:
        if measurement["excluded"]:
            place = ", ".join(str(measurement["row"].get(key, MISSING)) for key, _ in table.labels)
            told.setdefault((place, measurement["subject"]), measurement["excluded"])
    return "".join(f"\n- Not compared: {place}, {subject}: {reason}." for (place, subject), reason in told.items())


def _percent(share):
    return f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"


def _cell(text):
    return text.replace("|", "\\|").replace("\n", " ")


def _provenance(recording):
    where = f"{recording.name}, raw results"
    rounds = "1 round" if recording.rounds == 1 else f"{recording.rounds} rounds"
    ratios = RATIOS.format(ours=recording.ours) if _has_peers(recording, recording.measurements) else ""
    lines = [f"{FIGURES} {ratios}".strip(),
             f"{recording.date[:10]}, {rounds}{', quick: the figures mean nothing' if recording.quick else ''}. "
             f"Machine: {machine_line(Fields(recording.machine, where + ', machine'))}.",
             f"Versions: {versions_line(Fields(recording.versions, where + ', versions'))}.",
             f"Command: `{recording.invocation}`; every command that it ran is in `{recording.name}.json`. For example:", _examples(recording)]
    for skipped in recording.skipped:
        lines.append(f"Not measured: {skipped['subject']}: {skipped['reason']}.")
    return "\n\n".join(line for line in lines if line)


def _examples(recording):
    if not recording.measurements:
        return ""
    return "```\n" + "\n".join(shlex.join(words) for words in recording.measurements[0]["commands"]) + "\n```"
