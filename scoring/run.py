"""A run from its options to its manifest: models are chosen, inputs cut, blocks scored, and what follows is told."""

from __future__ import annotations

import argparse
import os
from typing import Any

from cli.output import write_note, write_result
from cli.places import write_atomically
from model_card import FeatureInput
from scoring import plan, summary, verdict
from scoring.console import Progress
from scoring.inputs import BLOCK_BYTES, find_inputs
from scoring.job import Job, Options
from scoring.models import LoadedModels, choose_models
from scoring.output_folder import lock
from scoring.pool import Pool, ProcessPool
from scoring.scorer import ANSWERS, FILE, LINE, list_columns
from service.contract import codec
from service.errors import EvaluationError
from service.execution.processors import count_processors
from service.settings import Settings


def score(options: argparse.Namespace) -> None:
    """Scores what the options say; raises VeredictoError, or OSError."""
    folder = options.models or Settings.from_environment(os.environ).models
    chosen, models = choose_models(folder, options.task, options.model or ())
    if options.label is not None and not models.are_classifiers:
        raise EvaluationError("--label: expected classifiers alone beside it")

    columns = _check_columns(options.columns, models)

    options.out.mkdir(parents=True, exist_ok=True)
    with lock(options.out):
        write_note(f"reading {options.data}")
        inputs, tasks = find_inputs(
            options.data,
            models.card,
            label=options.label,
            columns=columns,
            out=options.out,
            block_bytes=options.block_bytes or BLOCK_BYTES,
        )
        job = Job(
            models=chosen,
            inputs=inputs,
            out=options.out.absolute(),
            options=Options(
                label=options.label,
                format=options.format,
                with_probabilities=options.probabilities,
                keep_learnt=options.keep_learnt,
                columns=columns,
            ),
            tasks=tasks,
        )
        _run(job, options)
        _finish(job, models)


def _check_columns(columns: list[str], models: LoadedModels) -> tuple[str, ...]:
    """Returns the columns of `--columns`; raises EvaluationError where they cannot stand beside the answers."""
    if columns and not isinstance(models.card.input, FeatureInput):
        raise EvaluationError(
            f"--columns: {models.card.task} takes images, which have no columns"
        )

    taken = [FILE, LINE]
    for model in models.models:
        taken += list_columns(model.name, model.classes, with_all=True)
        taken += list_columns(model.name, model.classes, with_all=False)

    for place, name in enumerate(columns):
        if name in taken:
            raise EvaluationError(
                f"--columns: the answers have a column {name!r} of their own"
            )
        if name in columns[:place]:
            raise EvaluationError(f"--columns: {name!r} is named twice")

    return tuple(columns)


def _run(job: Job, options: argparse.Namespace) -> None:
    done = plan.begin(job)
    left = [each for each in job.tasks if each.number not in done]
    if done:
        write_note(f"{len(done)} of {len(job.tasks)} blocks were done before")

    progress = Progress(n_blocks=len(left))
    if left:
        for _, counted in _make_pool(job, options, len(left)).run(left):
            progress.count(counted)
    progress.end()


def _make_pool(job: Job, options: argparse.Namespace, n_tasks: int) -> Pool:
    if options.ray is None:
        return ProcessPool(job, min(options.workers or count_processors(), n_tasks))

    try:
        from scoring.ray_pool import RayPool
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise EvaluationError(
            "--ray needs ray, which is not installed: pip install 'veredicto[ray]'"
        ) from None

    return RayPool(job, options.workers, address=options.ray)


def _finish(job: Job, models: LoadedModels) -> None:
    """Writes what was set aside, the verdict and the manifest; raises EvaluationError where no row could be asked."""
    plan.write_set_aside(job)
    totals = _add_up(job)
    if not totals["rows"]:
        first = next(
            (f"{each['input']}, {_place(each['set_aside'][0])}")
            for each in plan.read_summaries(job)
            if each["set_aside"]
        )
        raise EvaluationError(
            f"all of {totals['set_aside']:,} rows are set aside; the first: {first}"
        )

    judged = _judge(job, models)
    if judged:
        content = codec.encode(judged)
        write_atomically(job.out / plan.VERDICT, lambda file: file.write(content))
    plan.finish(job, totals)
    _report(job, totals, judged)


def _place(fault: list[Any]) -> str:
    place, reason = fault
    return f"line {place}: {reason}" if isinstance(place, int) else f"{place}: {reason}"


def _add_up(job: Job) -> dict[str, int]:
    totals = {"rows": 0, "set_aside": 0, "n_unlabelled": 0, "n_learnt": 0}
    for each in plan.read_summaries(job):
        totals["rows"] += each["rows"]
        totals["set_aside"] += len(each["set_aside"])
        totals["n_unlabelled"] += each["n_unlabelled"]
        totals["n_learnt"] += each["n_learnt"]

    return totals


def _judge(job: Job, models: LoadedModels) -> dict[str, Any]:
    """Returns how models agree on all rows, and the verdict on labelled ones; nothing where not all are classifiers."""
    if not models.are_classifiers:
        return {}

    names = [each.name for each in job.models]
    counted: summary.Agreement | None = None
    for each in plan.read_summaries(job):
        if "agreement" in each:
            read = summary.read_agreement(each["agreement"])
            counted = read if counted is None else summary.add(counted, read)

    judged = summary.merge_all(
        summary.read(each["judged"])
        for each in plan.read_summaries(job)
        if "judged" in each
    )
    assert counted is not None

    return {
        "agreement": verdict.describe_agreement(counted, names),
        **(
            {}
            if judged is None
            else {"numbers": verdict.judge(judged, names=names, classes=models.classes)}
        ),
    }


def _report(job: Job, totals: dict[str, int], judged: dict[str, Any]) -> None:
    if "numbers" in judged:
        write_result(*verdict.write_sentences(judged["numbers"]))
    if job.options.label is not None:
        if totals["n_learnt"]:
            write_result(
                f"rows that models were learnt from are not judged by: {totals['n_learnt']:,}"
            )
        if totals["n_unlabelled"]:
            write_result(
                f"rows without a label are not judged by: {totals['n_unlabelled']:,}"
            )
    if totals["set_aside"]:
        write_result(
            f"rows set aside: {totals['set_aside']:,}, in {job.out / plan.SET_ASIDE}"
        )
    write_result(
        f"answers: {job.out / ANSWERS}, {totals['rows']:,} rows; {plan.MANIFEST}"
    )
