"""Tables, the document they go into, and charts."""

import dataclasses
import xml.etree.ElementTree as xml

import pytest

from loadtest.book.book import draw_charts, update_documents
from loadtest.book.comparisons import COMPARISONS, throughput
from loadtest.book.failure import BookError
from loadtest.book.report.charts import draw
from loadtest.book.report.documents import replace_section, update_document
from loadtest.book.report.layout import Lines, significant
from loadtest.book.report.line_chart import MOST_POINTS, line_chart
from loadtest.book.report.tables import render

DOCUMENT = "# Figures\n\nby hand  \n<!-- book:throughput -->\nold\n<!-- /book:throughput -->\nafter\r\n\n"


@pytest.fixture
def full_plan(plan):
    return dataclasses.replace(plan, quick=False)


def rows(markdown):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines() if line.startswith("|")]


def test_a_table(recording):
    table = rows(render(recording, throughput.TABLES))
    assert table[0] == ["operation", "pipeline", "subject", "server CPU us a request", "strata/it (less is better)", "requests/s",
                        "strata/it (more is better)", "generator CPU us a request"]
    assert table[2] == ["GET", "1", "strata", "8.001 (0.0 %)", "", "125,000 (0.0 %)", "", "0.500 (0.0 %)"]
    assert table[3] == ["GET", "1", "redis", "10.001 (0.0 %)", "0.80 (0.0 %)", "100,000 (0.0 %)", "1.25 (0.0 %)", "0.500 (0.0 %)"]
    assert table[5][3:5] == ["2.001 (10 %)", "no difference (11 %)"]
    assert len(table) == 6


def test_under_the_table_stand_machine_date_versions_and_commands(recording):
    recording.skip("memcached", "not installed (package memcached)")
    text = render(recording, throughput.TABLES)
    for part in ("2026-01-02, 3 rounds", "Abacus 9, 2 processors of a virtual machine", "L1d 32K, L2 1M", "8.0 GiB", "Debian 12, Linux 6.1",
                 "strata-server 1.2.3 (abcdef, Release), redis-server 7.0", "`./dev bench throughput`", "throughput.json",
                 "server --port 1\nload 'a b'", "Not measured: memcached: not installed", "1,000 keys of 16 B"):
        assert part in text


def test_quick_rows_are_marked(recording):
    recording.quick = True
    table = rows(render(recording, throughput.TABLES))
    assert all(row[0] == "quick: GET" for row in table[2:])


def test_what_must_not_be_compared_is_not(recording):
    for measurement in recording.measurements:
        if measurement["subject"] == "redis" and measurement["row"]["pipeline"] == 1:
            measurement["excluded"] = "it was somewhere else"
    text = render(recording, throughput.TABLES)
    assert rows(text)[3][4] == rows(text)[3][6] == "not compared"
    assert text.count("- Not compared: GET, 1, redis: it was somewhere else.") == 1
    assert rows(text)[5][4] == "no difference (11 %)", "the other row is"


def test_ours_missing_leaves_no_ratios(recording):
    recording.measurements = [measurement for measurement in recording.measurements if measurement["subject"] == "redis"]
    text = render(recording, throughput.TABLES)
    assert "strata/it" not in text and len(rows(text)) == 4


def test_a_missing_parameter_is_named(recording):
    del recording.parameters["keys"]
    with pytest.raises(BookError, match="the parameter 'keys' is missing"):
        render(recording, throughput.TABLES)


def test_nothing_measured(recording):
    recording.measurements = []
    assert "Nothing was measured" in render(recording, throughput.TABLES)


@pytest.mark.parametrize("value,text", [(0, "0"), (0.01234, "0.0123"), (1.5, "1.50"), (15.55, "15.6"), (999.4, "999"), (123456.7, "123,457")])
def test_three_figures(value, text):
    assert significant(value) == text


# The document ------------------------------------------------------------------------------------------------------------


def test_text_outside_the_markers_is_kept():
    changed = replace_section(DOCUMENT, "throughput", "\nnew\n", "x.md")
    assert changed == DOCUMENT.replace("\nold\n", "\nnew\n")
    assert replace_section(changed, "throughput", "new", "x.md") == changed


@pytest.mark.parametrize("text,problem", [
    ("nothing", "x.md: the marker <!-- book:throughput --> should be there once, and is 0 times"),
    ("<!-- book:throughput -->", "marker <!-- /book:throughput --> should be there once, and is 0 times"),
    (DOCUMENT * 2, "and is 2 times"),
    ("<!-- /book:throughput --> <!-- book:throughput -->", "comes before"),
])
def test_missing_markers(text, problem):
    with pytest.raises(BookError) as caught:
        replace_section(text, "throughput", "new", "x.md")
    assert problem in str(caught.value)


def test_a_missing_marker_leaves_the_file_alone(tmp_path):
    path = tmp_path / "x.md"
    path.write_bytes(DOCUMENT.encode())
    with pytest.raises(BookError, match="book:memory"):
        update_document(path, {"throughput": "new", "memory": "new"})
    assert path.read_bytes() == DOCUMENT.encode()
    update_document(path, {"throughput": "new"})
    assert path.read_bytes() == DOCUMENT.replace("\nold\n", "\nnew\n").encode()
    with pytest.raises(BookError, match="nowhere.md"):
        update_document(tmp_path / "nowhere.md", {"throughput": "new"})


def test_the_document_is_rendered_from_stored_results(recording, full_plan, capsys):
    path = full_plan.root / "docs" / "measurements.md"
    path.write_bytes(DOCUMENT.encode())
    update_documents(full_plan, list(COMPARISONS))
    assert path.read_bytes() == DOCUMENT.encode(), "there are no results"
    assert "there are no results" in capsys.readouterr().err
    recording.write(full_plan.results)
    update_documents(full_plan, list(COMPARISONS))
    assert "| GET | 1 | redis | 10.001" in path.read_text()
    assert path.read_text().startswith("# Figures\n\nby hand  \n<!-- book")


def test_quick_results_go_into_no_document(recording, full_plan):
    recording.quick = True
    recording.write(full_plan.results).rename(full_plan.results / "throughput.json")
    with pytest.raises(BookError, match="these are quick results"):
        update_documents(full_plan, ["throughput"])


# Charts ------------------------------------------------------------------------------------------------------------------


def test_a_chart_has_a_bar_for_every_figure(recording):
    svg = draw(recording, throughput.CHARTS)["throughput-get.svg"]
    tree = xml.fromstring(svg)
    texts = [element.text for element in tree.iter("{http://www.w3.org/2000/svg}text")]
    for text in ("pipeline 1", "pipeline 16", "strata", "redis", "8", "10", "us a request"):
        assert text in texts
    assert any("2026-01-02, Abacus 9" in text for text in texts)
    bars = [float(bar.get("width")) for bar in tree.iter("{http://www.w3.org/2000/svg}rect") if bar.get("height") == "13"]
    assert len(bars) == 4
    assert bars[0] / bars[1] == pytest.approx(0.8, abs=0.01)
    assert svg == draw(recording, throughput.CHARTS)["throughput-get.svg"]


def test_charts_are_drawn_from_stored_results(recording, full_plan):
    recording.write(full_plan.results)
    draw_charts(full_plan)
    assert sorted(path.name for path in (full_plan.root / "docs" / "charts").iterdir()) == ["throughput-get.svg", "throughput-set.svg"]


def test_names_of_charts_are_unique():
    names = [chart.file for comparison in COMPARISONS.values() for chart in comparison.CHARTS]
    assert len(names) == len(set(names))


def polylines(svg):
    return [[tuple(map(float, place.split(","))) for place in line.get("points").split()]
            for line in xml.fromstring(svg).iter("{http://www.w3.org/2000/svg}polyline")]


def test_lines_have_a_panel_for_every_subject_to_the_same_scale(recording):
    for measurement in recording.measurements:
        size = 100 if measurement["subject"] == "strata" else 200
        measurement["output"] = {"samples": [{"second": second, "held": size * 1024, "limit": 100 * 1024} for second in range(3)]}
    chart = Lines("x", "Held & limit", ("seconds", "KiB"), (("held", "resident"), ("limit", "limit")), scale=1024)
    svg = draw(recording, (chart,))["x.svg"]
    lines = polylines(svg)
    assert len(lines) == 4, "two panels of two lines, of the first round alone"
    texts = [element.text for element in xml.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert {"strata (KiB)", "redis (KiB)", "resident", "limit", "200", "Held & limit"} <= set(texts)
    heights = [line[0][1] for line in lines]
    assert heights[0] == heights[1], "ours holds what its limit says"
    assert heights[3] - heights[2] == pytest.approx(75, abs=1), "100 of 200 is half a panel"
    assert svg == draw(recording, (chart,))["x.svg"]


def test_long_lines_keep_their_peaks():
    series = [(second, 500 if second == 1801 else 100) for second in range(3600)]
    line = polylines(line_chart("t", ("s", "B"), [("one", {"a": series})], ["a"], ["caption"]))[0]
    assert len(line) <= MOST_POINTS
    assert min(y for _, y in line) < line[0][1] - 50


def test_lines_of_nothing():
    assert polylines(line_chart("t", ("s", "B"), [("one", {"a": []})], ["a"], [])) == []
