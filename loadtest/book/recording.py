"""The raw results of one comparison: what the tables and charts are made of, as a JSON file."""

import datetime
import json
import os

from loadtest.book.failure import BookError
from loadtest.book.strict_json import Fields, parse_object

FORMAT = 1


class Recording:
    """Collects measurements. `measurements` holds a dict each: row (labels), subject, round, values, commands, output and, where
    the figure may not be compared, excluded (the reason)."""

    def __init__(self, name, quick, invocation, machine, versions, date=None):
        self.name = name
        self.quick = quick
        self.invocation = invocation
        self.machine = machine
        self.versions = versions
        self.date = date or datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.ours = "strata"
        self.rounds = 0
        self.parameters = {}
        self.subjects = []
        self.skipped = []
        self.measurements = []

    def skip(self, subject, reason):
        self.skipped.append({"subject": subject, "reason": reason})

    def add(self, row, subject, round_number, values, commands, output, excluded=None):
        if subject not in self.subjects:
            self.subjects.append(subject)
        self.measurements.append({"row": row, "subject": subject, "round": round_number, "values": values, "excluded": excluded,
                                  "commands": commands, "output": output})

    def join(self, stored):
        """Takes over what is stored of subjects that were not measured now. Only where it was the same work, or it would be compared with another."""
        for what in ("parameters", "rounds", "quick"):
            if getattr(self, what) != getattr(stored, what):
                raise BookError(f"{self.name}: what is stored has other {what}; it can not be joined")
        kept = [subject for subject in stored.subjects if subject not in self.subjects]
        self.measurements += [measurement for measurement in stored.measurements if measurement["subject"] in kept]
        self.skipped = [skipped for skipped in self.skipped if not any(subject.split()[0] == skipped["subject"] for subject in kept)]
        self.skipped += [skipped for skipped in stored.skipped
                         if not any(subject.split()[0] == skipped["subject"] for subject in self.subjects)]
        self.subjects = kept + self.subjects
        if stored.ours in kept:
            self.ours = stored.ours
            self.versions = self.versions | {"strata": stored.versions["strata"]}  # what was built when ours was measured
        self.invocation = f"{stored.invocation}; {self.invocation}"

    # Files ---------------------------------------------------------------------------------------------------------------

    def file_in(self, folder):
        return file_of(folder, self.name, self.quick)

    def write(self, folder):
        """Atomically: a reader sees the old file or the new one. One measurement a line."""
        head = {"format": FORMAT, "comparison": self.name, "quick": self.quick, "date": self.date, "invocation": self.invocation,
                "machine": self.machine, "versions": self.versions, "ours": self.ours,
                "rounds": self.rounds, "parameters": self.parameters,
                "subjects": self.subjects, "skipped": self.skipped}
        lines = ",\n".join(json.dumps(row, allow_nan=False) for row in self.measurements)
        text = json.dumps(head, indent=1, allow_nan=False)[:-2] + f',\n "measurements": [\n{lines}\n ]\n}}\n'
        path = self.file_in(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".draft")
            draft.write_text(text)
            os.replace(draft, path)
        except OSError as error:
            raise BookError(f"{path}: {error.strerror}") from None
        return path

    @classmethod
    def read(cls, path):
        try:
            fields = parse_object(path.read_text(), path.name)
        except OSError as error:
            raise BookError(f"{path}: {error.strerror}") from None
        if fields.count("format") != FORMAT:
            raise BookError(f"{path.name}: format {fields.count('format')} is not {FORMAT}; measure again")
        recording = cls(fields.text("comparison"), fields.flag("quick"), fields.text("invocation"), fields.object("machine").value,
                        fields.object("versions").value, fields.text("date"))
        recording.ours = fields.text("ours")
        recording.rounds = fields.count("rounds")
        recording.parameters = fields.object("parameters").value
        recording.subjects = fields.array("subjects")
        for skipped in fields.array("skipped"):
            told = Fields(skipped, f"{path.name}, skipped")
            recording.skip(told.text("subject"), told.text("reason"))
        for number, measurement in enumerate(fields.array("measurements")):
            recording.measurements.append(_checked(Fields(measurement, f"{path.name}, measurement {number}"), recording.subjects))
        return recording


def file_of(folder, name, quick=False):
    return folder / (f"{name}.quick.json" if quick else f"{name}.json")


def _checked(measurement, subjects):
    row, values = measurement.object("row"), measurement.object("values")
    if measurement.text("subject") not in subjects:
        raise BookError(f"{measurement.where}: the subject \"{measurement.text('subject')}\" is not among the subjects")
    measurement.count("round")
    measurement.array("commands")
    for name in values.value:
        values.number(name)
    if "excluded" not in measurement.value:
        raise BookError(f"{measurement.where}: the field \"excluded\" is missing")
    if not row.value:
        raise BookError(f"{measurement.where}: the row has no labels")
    return measurement.value
