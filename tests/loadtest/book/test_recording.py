"""Raw results: written, read back, and refused where something is missing."""

import json

import pytest

from loadtest.book.failure import BookError
from loadtest.book.recording import Recording
from loadtest.book.strict_json import Fields, parse_json, parse_object


def test_what_is_written_is_read_back(recording, tmp_path):
    path = recording.write(tmp_path / "results")
    assert path.name == "throughput.json"
    again = Recording.read(path)
    assert vars(again) == vars(recording)
    assert path.read_text().count('\n{"row"') == len(recording.measurements), "one measurement a line"


def test_quick_results_have_another_name(recording, tmp_path):
    recording.quick = True
    assert recording.write(tmp_path).name == "throughput.quick.json"


def _measured(subjects, invocation, parameters=None):
    recording = Recording("presets", False, invocation, {}, {"strata": f"as built for {invocation}"})
    recording.rounds, recording.parameters = 1, parameters or {"keys": 5}
    for subject in subjects:
        recording.add({"preset": "one"}, subject, 0, {"hit_ratio": len(invocation)}, [], {})
    return recording


def test_what_is_stored_of_others_can_be_kept():
    stored = _measured(["strata s3fifo", "redis lru"], "a")
    stored.ours = "strata s3fifo"
    stored.skip("memcached", "not there")
    again = _measured(["redis lru", "memcached slru"], "bb")
    again.skip("strata", "not asked for")
    again.join(stored)
    assert again.subjects == ["strata s3fifo", "redis lru", "memcached slru"]
    assert sorted((one["subject"], one["values"]["hit_ratio"]) for one in again.measurements) == [
        ("memcached slru", 2), ("redis lru", 2), ("strata s3fifo", 1)]
    assert again.skipped == [] and again.ours == "strata s3fifo" and again.invocation == "a; bb"
    assert again.versions["strata"] == "as built for a"


def test_what_is_measured_anew_has_its_own_version():
    stored = _measured(["strata s3fifo", "redis lru"], "a")
    stored.ours = "strata s3fifo"
    again = _measured(["strata s3fifo"], "bb")
    again.ours = "strata s3fifo"
    again.join(stored)
    assert again.subjects == ["redis lru", "strata s3fifo"] and again.versions["strata"] == "as built for bb"


def test_other_work_is_not_kept():
    with pytest.raises(BookError, match="other parameters"):
        _measured(["redis lru"], "b").join(_measured(["strata s3fifo"], "a", {"keys": 6}))


@pytest.mark.parametrize("field", ["format", "comparison", "quick", "date", "invocation", "machine", "versions", "ours", "rounds",
                                   "parameters", "subjects", "skipped", "measurements"])
def test_a_missing_field_is_named(recording, tmp_path, field):
    path = recording.write(tmp_path)
    stored = json.loads(path.read_text())
    del stored[field]
    path.write_text(json.dumps(stored))
    with pytest.raises(BookError, match=f'throughput.json: the field "{field}" is missing'):
        Recording.read(path)


@pytest.mark.parametrize("field", ["row", "subject", "round", "values", "excluded", "commands"])
def test_a_missing_field_of_a_measurement_is_named(recording, tmp_path, field):
    del recording.measurements[4][field]
    with pytest.raises(BookError, match=f'measurement 4: the field "{field}" is missing'):
        Recording.read(recording.write(tmp_path))


def test_values_are_numbers_of_known_subjects(recording, tmp_path):
    recording.measurements[2]["values"]["server_cpu_us"] = "fast"
    with pytest.raises(BookError, match='measurement 2, values: the field "server_cpu_us" should be a number, and is "fast"'):
        Recording.read(recording.write(tmp_path))
    recording.measurements[2]["values"]["server_cpu_us"] = 1
    recording.measurements[3]["subject"] = "nobody"
    with pytest.raises(BookError, match='"nobody" is not among the subjects'):
        Recording.read(recording.write(tmp_path))


def test_files_that_are_no_results(tmp_path):
    path = tmp_path / "x.json"
    with pytest.raises(BookError, match="No such file"):
        Recording.read(path)
    path.write_text('{"format": 1,')
    with pytest.raises(BookError, match="x.json: not JSON"):
        Recording.read(path)
    path.write_text('{"format": 99}')
    with pytest.raises(BookError, match="format 99 is not 1"):
        Recording.read(path)


def test_a_folder_that_can_not_be_written(recording, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BookError, match="file"):
        recording.write(tmp_path / "file")


def test_strict_fields():
    fields = Fields({"n": 1.5, "t": "x", "b": True, "o": {"i": -1}, "a": []}, "thing")
    assert (fields.number("n"), fields.text("t"), fields.flag("b"), fields.array("a")) == (1.5, "x", True, [])
    for read, problem in ((lambda: fields.count("n"), 'thing: the field "n" should be a whole number, and is 1.5'),
                          (lambda: fields.number("b"), '"b" should be a number'),
                          (lambda: fields.object("o").count("i"), 'thing, o: the field "i" is negative'),
                          (lambda: fields.object("gone"), 'thing: the field "gone" is missing'),
                          (lambda: Fields([1], "list"), "list: a JSON object was expected"),
                          (lambda: parse_object("[]", "list"), "list: a JSON object was expected"),
                          (lambda: parse_json("NaN", "where"), "where: not JSON")):
        with pytest.raises(BookError) as caught:
            read()
        assert problem in str(caught.value)
