"""`python -m evaluation`: which of a task's classifiers to trust, judged on labelled rows.

Exits 0 when done, 1 when a gate is not shown or evidence does not hold, 2 when it cannot be done.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from cli.output import write_note, write_result
from cli.places import find_fault, write_file
from evaluation import champion_log_check, latency_verdict, unlabelled, verification
from evaluation import evidence as evidences
from evaluation import gate as gates
from evaluation.arguments import parse
from evaluation.classifiers import LocalClassifiers
from evaluation.criterion import find_criterion
from evaluation.gate import Gate
from evaluation.labelled_data import read_labelled
from evaluation.progress import Progress
from evaluation.remote import RemoteClassifiers
from evaluation.report import page
from service.contract import codec
from service.errors import EvaluationError, VeredictoError
from service.judging import predictions
from service.judging.classifiers import Classifiers
from service.judging.labelled_rows import LabelledData
from service.judging.row_hashes import NOTHING, collect_learnt
from service.settings import Settings
from verdict.few_label_sentences import write_few, write_plan
from verdict.few_labels import judge_few
from verdict.learnt_rows import tell_unknown
from verdict.prediction_sets import tell_sets
from verdict.predictions import Predictions

DONE = 0
NOT_SHOWN = 1
UNUSABLE = 2
READ = ("data", "load", "verify", "unlabelled", "labelled")
LABEL = "label"
"""The column of labels to come is called so where nobody names it."""
AFTERWARDS = (
    "; claimed after the data was seen, so that its 5 % holds only if nobody looked"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code; what is wrong is written as one line on stderr."""
    options = parse(arguments)
    try:
        _check_places(options)
        if options.unlabelled:
            return _judge_few(options)
        return _verify(options) if options.verify else _report(options)
    except VeredictoError as error:
        write_note(f"error: {' '.join(str(error).split())}")
    except OSError as error:
        write_note(f"error: {error.filename or ''}: {error.strerror or error}")
    except KeyboardInterrupt:
        write_note("\nstopped")

    return UNUSABLE


def _check_places(options: argparse.Namespace) -> None:
    """Raises EvaluationError for pipes that would be waited for, and for files that would be written over."""
    read = {f"--{each}": getattr(options, each) for each in READ}
    read["--by"] = Path(options.by) if options.by else None
    written = {"--to-label": options.to_label, "--evidence": options.evidence}
    if not options.unlabelled and not options.verify:
        written["--output"], written["--evidence"] = _find_places(options)

    fault = find_fault(read, written)
    if fault is not None:
        raise EvaluationError(fault)


def _report(options: argparse.Namespace) -> int:
    page.require_matplotlib()
    output, beside = _place(options)
    load = options.load and latency_verdict.read_load(options.load, task=options.task)
    with closing(_find(options, options.task)) as contenders:
        names = [each.name for each in contenders.contenders]
        criterion = find_criterion(
            options.by,
            contenders.contenders[0].card.classes or (),
            price_ms=options.price_ms,
            price_mb=options.price_mb,
        )
        claims = [
            Gate.parse(claim, task=options.task, models=names, criterion=criterion)
            for claim in options.gate
        ]
        labelled, judged = _try(options, options.task, contenders)

    if load is not None:
        latency_verdict.check_models(load, judged.answers)

    evidence = evidences.gather(
        judged,
        risk=options.risk,
        within=options.within,
        gates=claims,
        criterion=criterion,
        software=contenders.software,
        load=load,
    )
    pictures = page.draw_thumbnails(
        labelled, evidence["numbers"]["disagreements"]["rows"]
    )
    write_file(output, page.render(evidence, pictures).encode())
    write_file(beside, codec.encode(evidence))
    _tell_verdicts(evidence, has_load=load is not None)
    write_result(f"report: {output}", f"evidence: {beside}")

    return DONE if all(each["shown"] for each in evidence["gates"]) else NOT_SHOWN


def _tell_verdicts(evidence: dict[str, Any], *, has_load: bool) -> None:
    """Says the verdict by the criterion, that in accuracy, that with a clock, and what of the gates is shown."""
    if "by" in evidence:
        verdict = evidence["by"]["verdict"]
        write_result(verdict["headline"], *verdict["findings"], "", "In accuracy:")
    write_result(evidence["verdict"]["headline"], *evidence["verdict"]["findings"])
    write_result(tell_sets(evidence["sets"], evidence["task"]), "")
    if has_load:
        write_result(*evidence["clock"]["sentences"], "")
    write_result(*map(gates.describe, evidence["gates"]))


def _find_places(options: argparse.Namespace) -> tuple[Path, Path]:
    """Returns where report and evidence go."""
    output = options.output or Path(f"{options.task}-report.html")
    return output, options.evidence or output.with_suffix(".json")


def _place(options: argparse.Namespace) -> tuple[Path, Path]:
    """Returns where report and evidence go; what stands in the way is found before anything is computed."""
    output, beside = _find_places(options)
    if output == beside:
        raise EvaluationError(
            f"--output and --evidence: expected two files, got {output} twice"
        )

    for path in (output, beside):
        if path.is_dir() or not path.parent.is_dir():
            raise EvaluationError(f"{path}: expected a file in a folder that is there")

    return output, beside


def _verify(options: argparse.Namespace) -> int:
    """Computes the numbers again, asks the models again where the data is given, and checks further claims."""
    if champion_log_check.is_log(options.verify):
        return _verify_acts(options)

    evidence = evidences.read(options.verify)
    stored = evidences.read_predictions(evidence)
    names = [answer.model for answer in stored.answers]
    criterion = evidences.read_criterion_of(evidence)
    results = [
        Gate.parse(claim, task=stored.task, models=names, criterion=criterion).check(
            stored
        )
        for claim in options.gate
    ]
    differences = verification.verify(evidence)
    checked = "every number follows from the stored answers"
    if options.data is not None:
        with closing(_find(options, stored.task)) as contenders:
            _, again = _try(options, stored.task, contenders)
        differences += verification.verify_answers(evidence, again)
        checked += ", and the models answer as stored"

    write_result(*(f"{gates.describe(each)}{AFTERWARDS}" for each in results))
    if not differences:
        write_result(f"{options.verify.name}: {checked}")
        return DONE if all(each["shown"] for each in results) else NOT_SHOWN

    return _tell_differences(options, differences)


def _verify_acts(options: argparse.Namespace) -> int:
    """Computes again what a server's log of promotions and roll-backs says."""
    if options.data is not None or options.gate:
        raise EvaluationError(
            "--verify: a log of acts is checked by itself: leave out --data and --gate"
        )

    n_acts, differences = champion_log_check.verify(options.verify)
    if differences:
        return _tell_differences(options, differences)

    write_result(
        f"{options.verify.name}: {n_acts} acts follow from the counts of their lines"
    )
    return DONE


def _tell_differences(options: argparse.Namespace, differences: list[str]) -> int:
    hidden = len(differences) - verification.MAX_SHOWN
    write_result(
        f"{options.verify.name}: {len(differences)} differences",
        *differences[: verification.MAX_SHOWN],
    )
    if hidden > 0:
        write_result(f"and {hidden} more")

    return NOT_SHOWN


def _judge_few(options: argparse.Namespace) -> int:
    """Plans labels before there are any, chooses rows to be labelled, or judges by the labels of those."""
    task = options.task
    label = options.label or LABEL
    with closing(_find(options, task)) as contenders:
        data, asked = _try_unlabelled(options, contenders)

    truth = data.truth
    if options.labelled:
        truth = unlabelled.read_labels(
            options.labelled, data.places, asked.classes, label
        )
    numbers = judge_few(
        asked.labels,
        truth,
        [answer.model for answer in asked.answers],
        wanted=options.wanted,
        rows_a_day=options.rows_a_day,
    )
    if options.evidence:
        write_file(options.evidence, codec.encode(numbers))
    if options.labelled:
        verdict = write_few(numbers, task)
        write_result(verdict["headline"], *verdict["findings"])
        return DONE

    write_result(*write_plan(numbers, task))
    if options.to_label:
        choice = unlabelled.choose(asked.labels, options.labels)
        unlabelled.write_choice(options.to_label, data, choice, label)
        written = f"{len(choice.rows)} rows, in its column {label!r}"
        write_result(f"to label: {options.to_label}, {written}")

    return DONE


def _try_unlabelled(
    options: argparse.Namespace, contenders: Classifiers
) -> tuple[LabelledData, Predictions]:
    learnt = NOTHING
    if not options.keep_learnt:
        learnt = collect_learnt(contenders.contenders)
    card = contenders.contenders[0].card
    data = unlabelled.read_unlabelled(options.unlabelled, card, learnt=learnt)
    for note in data.notes:
        write_note(note)
    unknown = predictions.find_unknown(contenders.contenders)
    if unknown and not options.keep_learnt:
        n_models = len(contenders.contenders)
        told = tell_unknown(unknown, (), n_models=n_models, task=options.task)
        write_note(told.strip())

    return data, predictions.run(options.task, contenders, data, on_rows=Progress())


def _find(options: argparse.Namespace, task: str) -> Classifiers:
    if options.url:
        return RemoteClassifiers(options.url, task)
    return LocalClassifiers(
        options.models or Settings.from_environment(os.environ).models, task
    )


def _try(
    options: argparse.Namespace, task: str, contenders: Classifiers
) -> tuple[LabelledData, Predictions]:
    labelled = read_labelled(
        options.data,
        contenders.contenders[0].card,
        label=options.label,
        group=options.group,
        joins_equal=options.equal_rows == "together",
        learnt=collect_learnt(contenders.contenders),
        keeps_learnt=options.keep_learnt,
    )
    for note in labelled.notes:
        write_note(note)

    return labelled, predictions.run(task, contenders, labelled, on_rows=Progress())


if __name__ == "__main__":
    raise SystemExit(main())
