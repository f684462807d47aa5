"""Writes the charts of a comparison, from its raw results alone."""

import statistics

from loadtest.book.failure import BookError
from loadtest.book.report.bar_chart import bar_chart
from loadtest.book.report.layout import Lines
from loadtest.book.report.line_chart import line_chart


def draw(recording, charts):
    """{file name: SVG}."""
    return {f"{chart.file}.svg": (_lines if isinstance(chart, Lines) else _bars)(recording, chart) for chart in charts}


def write_charts(recording, charts, folder):
    """Returns the paths."""
    paths = []
    for name, svg in draw(recording, charts).items():
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(svg)
        except OSError as error:
            raise BookError(f"{path}: {error.strerror}") from None
        paths.append(path)
    return paths


def _bars(recording, chart):
    chosen = [measurement for measurement in recording.measurements if chart.select(measurement)]
    if chart.derive:
        chosen = chart.derive(chosen)
    groups, figures = [], {}
    for measurement in chosen:
        group = chart.group(measurement["row"])
        if group not in groups:
            groups.append(group)
        if chart.metric in measurement["values"]:
            figures.setdefault((group, measurement["subject"]), []).append(measurement["values"][chart.metric])
    medians = {place: statistics.median(values) for place, values in figures.items()}
    subjects = [subject for subject in recording.subjects if any(subject == shown for _, shown in medians)]
    return bar_chart(chart.title, chart.unit, groups, subjects, medians, _caption(recording, "Medians. "))


def _lines(recording, chart):
    panels = {}
    for measurement in recording.measurements:
        if chart.select(measurement) and measurement["subject"] not in panels:
            samples = measurement["output"]["samples"]
            panels[measurement["subject"]] = {name: [(sample[chart.time], sample[key] / chart.scale) for sample in samples]
                                              for key, name in chart.lines}
    ordered = [(subject, panels[subject]) for subject in recording.subjects if subject in panels]
    return line_chart(chart.title, chart.units, ordered, [name for _, name in chart.lines], _caption(recording, "The first round. "))


def _caption(recording, figures):
    return (f"{figures}{recording.date[:10]}, {recording.machine['cpu']}, {recording.machine['cores']} cores, "
            f"{recording.machine['distribution']}.",
            f"{recording.versions['strata']['version']} ({recording.versions['strata']['revision']}). {recording.invocation}")
