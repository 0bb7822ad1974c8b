"""The plan of a run stands in its folder, so that only the same run is taken up again; the manifest is written last."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from cli.places import write_atomically, write_file
from scoring import output_folder
from scoring.job import Job, name_part
from scoring.scorer import ANSWERS, SUMMARIES
from service import VERSION
from service.contract import codec
from service.errors import EvaluationError

PLAN, MANIFEST, VERDICT, SET_ASIDE = (
    "plan.json",
    "manifest.json",
    "verdict.json",
    "set-aside.csv",
)
FORMAT = "veredicto scores"
SCHEMA_VERSION = 1
PARTS = ("models", "inputs", "options")
COUNTS = ("block", "rows", "n_unlabelled", "n_learnt", "bytes")


def write_plan(job: Job) -> dict[str, Any]:
    """Returns what must be the same for a run to be taken up again."""
    plan = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "veredicto": VERSION,
        "models": {each.name: f"sha256:{each.digest}" for each in job.models},
        "inputs": {each.name: f"sha256:{each.digest}" for each in job.inputs},
        "options": asdict(job.options),
        "blocks": len(job.tasks),
    }
    values: dict[str, Any] = codec.as_json(plan)
    return values


def begin(job: Job) -> set[int]:
    """Begins a run in its folder, or takes one up again, and returns the blocks that are done.

    Raises EvaluationError, which names what was changed, where another run was begun there.
    """
    plan = write_plan(job)
    path = job.out / PLAN
    if path.exists():
        _compare(_read_plan(path), plan, job.out)
    else:
        _refuse_foreign(job.out)
        content = codec.encode(plan)
        write_file(path, content)

    for name in (ANSWERS, SUMMARIES):
        (job.out / name).mkdir(exist_ok=True)
        output_folder.remove_leftovers(job.out / name)

    return {each.number for each in job.tasks if _is_done(job, each.number)}


def _is_done(job: Job, number: int) -> bool:
    """Returns whether a block has its whole summary, which is written last, and its answers of that size."""
    summary = job.out / SUMMARIES / f"{name_part(number)}.json"
    try:
        written = codec.read_json(summary.read_bytes())
        has_counts = all(isinstance(written[name], int) for name in COUNTS)
        has_faults = all(len(each) == 2 for each in written["set_aside"])
        answers = job.out / ANSWERS / str(written["output"])
        has_answers = answers.stat().st_size == written["bytes"]
        return bool(has_counts and has_faults and has_answers)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _read_plan(path: Path) -> dict[str, Any]:
    """Returns the plan that a folder has; raises EvaluationError where it is damaged, or another program's."""
    begin_anew = "name another folder, or delete this one to begin anew"
    reason = "is none of ours"
    try:
        stored: Any = codec.read_json(path.read_bytes()) if path.is_file() else None
    except ValueError as error:
        stored, reason = None, f"is damaged ({error})"

    is_ours = isinstance(stored, dict) and stored.get("format") == FORMAT
    plan: dict[str, Any] = stored if is_ours else {}
    if not all(isinstance(plan.get(each), dict) for each in PARTS):
        raise EvaluationError(f"--out {path.parent}: its {PLAN} {reason}: {begin_anew}")

    return plan


def _refuse_foreign(folder: Path) -> None:
    others = sorted(
        each.name for each in folder.iterdir() if each.name != output_folder.LOCK
    )
    if others:
        raise EvaluationError(
            f"--out {folder}: expected a new or empty folder, or one of such a run, got one with {others[0]!r}"
        )


def _compare(stored: dict[str, Any], plan: dict[str, Any], folder: Path) -> None:
    """Raises EvaluationError, which names what differs, where a folder is another run's."""
    differences = []
    for part in PARTS:
        before, now = stored[part], plan[part]
        for name in [*before, *(each for each in now if each not in before)]:
            if before.get(name) != now.get(name):
                differences.append(_describe_change(part, name, before, now))
    for part in ("veredicto", "blocks"):
        if not differences and stored.get(part) != plan[part]:
            differences.append(f"{part} {stored.get(part)}, now {plan[part]}")

    if differences:
        raise EvaluationError(
            f"--out {folder} was begun with other data: {'; '.join(differences[:5])}. "
            "Name another folder, or delete this one to begin anew"
        )


def _describe_change(
    part: str, name: str, before: dict[str, Any], now: dict[str, Any]
) -> str:
    if part == "options":
        return f"--{name.replace('_', '-')} was {before.get(name)}, is {now.get(name)}"
    if name not in now:
        return f"{name} is missing"
    if name not in before:
        return f"{name} is new"
    return f"the content of {name} was changed"


def read_summaries(job: Job) -> Iterator[dict[str, Any]]:
    """Yields the summary of each block, in their order."""
    for task in job.tasks:
        path = job.out / SUMMARIES / f"{name_part(task.number)}.json"
        summary: dict[str, Any] = codec.read_json(path.read_bytes())
        yield summary


def write_set_aside(job: Job) -> None:
    """Writes file, line and reason of each row that was set aside."""

    def write(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["file", "line", "reason"])

        for summary in read_summaries(job):
            for place, reason in summary["set_aside"]:
                is_line = isinstance(place, int)
                table.writerow(
                    [
                        summary["input"] if is_line else place,
                        place if is_line else "",
                        reason,
                    ]
                )
        text.flush()
        text.detach()

    write_atomically(job.out / SET_ASIDE, write)


def finish(job: Job, totals: dict[str, Any]) -> None:
    """Writes the manifest, after which the run is done; `notes` say of each table what was assumed of it."""
    blocks = [
        {
            name: summary[name]
            for name in ("block", "input", "rows", "output", "sha256", "data")
            if name in summary
        }
        | {"set_aside": len(summary["set_aside"])}
        for summary in read_summaries(job)
    ]
    notes = {
        each.name: list(each.layout.notes)
        for each in job.inputs
        if each.layout is not None and each.layout.notes
    }
    content = codec.encode(write_plan(job) | totals | {"notes": notes, "parts": blocks})
    write_file(job.out / MANIFEST, content)
