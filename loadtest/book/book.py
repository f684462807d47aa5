"""Runs comparisons one after the other, and renders what they left behind."""

from loadtest.book.comparisons import COMPARISONS
from loadtest.book.failure import BookError, Unavailable
from loadtest.book.machine import describe_machine
from loadtest.book.recording import Recording, file_of
from loadtest.book.report.charts import write_charts
from loadtest.book.report.documents import update_document
from loadtest.book.report.tables import render
from loadtest.book.versions import describe_versions


def run_comparisons(plan, names):
    """Prints the tables and stores the raw results of each. Returns (names that were measured, names that failed).

    One that fails leaves its older results in place, and the next ones run.
    """
    done, failed = [], []
    if names and len(plan.cores) < 2:
        plan.note("there is one core only: servers and load share it, and the figures show both")
    for name in names:
        comparison = COMPARISONS[name]
        recording = Recording(name, plan.quick, f"{plan.invocation} {name}", describe_machine(plan.cores), describe_versions(plan))
        recording.rounds = len(plan.rounds(comparison.USUAL_ROUNDS))
        try:
            # Before hours are spent on what nothing can be joined to.
            stored = Recording.read(file_of(plan.results, name)) if plan.join else None
            comparison.measure(plan, recording)
            if stored is not None:
                recording.join(stored)
            path = recording.write(plan.results)
        except Unavailable as reason:
            plan.note(f"{name}: skipped: {reason}")
            continue
        except BookError as error:
            plan.note(f"{name}: failed: {error}")
            failed.append(name)
            continue
        for skipped in recording.skipped:
            plan.note(f"{name}: without {skipped['subject']}: {skipped['reason']}")
        plan.note(f"{name}: raw results in {plan.relative(path)}")
        print(render(recording, comparison.TABLES), flush=True)
        done.append(name)
    return done, failed


def stored_recordings(plan, names):
    """The stored results of those names that have some. Quick ones are never taken."""
    recordings = []
    for name in names:
        path = file_of(plan.results, name)
        if not path.exists():
            continue
        recording = Recording.read(path)
        if recording.quick or recording.name != name:
            raise BookError(f"{path}: these are {'quick ' if recording.quick else ''}results of {recording.name}; only full ones "
                            f"of {name} belong there")
        recordings.append(recording)
    return recordings


def update_documents(plan, names):
    path = plan.root / "docs" / "measurements.md"
    sections = {recording.name: render(recording, COMPARISONS[recording.name].TABLES) for recording in stored_recordings(plan, names)}
    if not sections:
        plan.note(f"there are no results in {plan.relative(plan.results)}: {plan.relative(path)} stays as it is")
        return
    update_document(path, sections)
    plan.note(f"{plan.relative(path)}: {', '.join(sections)}")


def draw_charts(plan):
    for recording in stored_recordings(plan, list(COMPARISONS)):
        for path in write_charts(recording, COMPARISONS[recording.name].CHARTS, plan.root / "docs" / "charts"):
            plan.note(f"drew {plan.relative(path)}")
