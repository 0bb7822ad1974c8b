"""The verdict with a clock names the classifier that is right most often of those that keep objectives under a load.

The load was measured by `veredicto load --task`; who is better is told by the paired tests of the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from service.contract import codec
from service.errors import EvaluationError
from verdict.predictions import ClassifierAnswers
from verdict.words import count_rows, join, percent, shorten, show_interval

FORMAT = "veredicto load test"
EXPECTED = "--load: expected the result of `veredicto load --task TASK --slo ... --output FILE.json`"
KEPT = (
    "model",
    "version",
    "keeps",
    "void",
    "rate",
    "p99_ms",
    "requests_per_core_s",
)


def read_load(path: Path, *, task: str) -> dict[str, Any]:
    """Returns what evidence keeps of a load test; raises EvaluationError where it is no test of this task."""
    try:
        document = codec.read_json(path.read_bytes())
    except OSError as error:
        raise EvaluationError(f"{EXPECTED}: {path}: {error.strerror}") from None
    except ValueError as error:
        raise EvaluationError(f"{EXPECTED}, got {path.name}: {error}") from None

    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise EvaluationError(f"{EXPECTED}, got another document in {path.name}")
    if "classifiers" not in document:
        raise EvaluationError(f"{EXPECTED}, got a test of one target in {path.name}")
    if document["task"] != task:
        raise EvaluationError(f"{EXPECTED} of {task}, got {document['task']}")

    return {
        "slo": document["slo"],
        "load": document["load"] if "search" not in document else None,
        "address": document["target"]["address"],
        "ended": document["ended"],
        "models": [
            {name: each.get(name) for name in KEPT} for each in document["classifiers"]
        ],
    }


def check_models(load: dict[str, Any], answers: Sequence[ClassifierAnswers]) -> None:
    """Raises EvaluationError where a model that was judged was not tested in the same version."""
    loaded = {each["model"]: each for each in load["models"]}
    for answer in answers:
        if answer.model not in loaded:
            raise EvaluationError(
                f"--load: expected a test of each model, found none of {answer.model}"
            )
        version = loaded[answer.model]["version"]
        if version != answer.version:
            raise EvaluationError(
                f"--load: version {version} of {answer.model} was tested, {answer.version} is judged: test that"
            )


def judge_with_clock(
    numbers: dict[str, Any], load: dict[str, Any], *, task: str
) -> dict[str, Any]:
    """Returns the classifier that is right most often of those that keep the objectives, and what is shown of others.

    `sentences` say it; `better_than` and `not_told_from` are others that keep them too, `too_slow` those that do not.
    """
    loaded = {each["model"]: each for each in load["models"]}
    judged = sorted(numbers["models"], key=_rank(numbers, loaded))
    names = [each["model"] for each in judged]
    keeping = [name for name in names if loaded[name]["keeps"]]
    best = keeping[0] if keeping else None
    shown = {} if best is None else _face(numbers, best)
    found = {
        "best": best,
        "better_than": [each for each in keeping[1:] if shown[each] == "better"],
        "not_told_from": [each for each in keeping[1:] if shown[each] != "better"],
        "too_slow": [name for name in names if not loaded[name]["keeps"]],
    }
    sentences = [
        _say_best(found, numbers, load, task),
        _say_others(found, task),
        _say_too_slow(found, shown, task),
        _say_void([name for name in names if loaded[name]["void"]], task),
    ]

    return {**found, "sentences": [each for each in sentences if each]}


def _rank(numbers: dict[str, Any], loaded: dict[str, Any]) -> Any:
    """Orders by accuracy; of equals the leader of the judgement is first, then the faster one."""

    def rank(model: dict[str, Any]) -> tuple[float, bool, float]:
        name = model["model"]
        return (
            -model["metrics"]["accuracy"]["value"],
            name != numbers["leader"],
            loaded[name]["p99_ms"] or float("inf"),
        )

    return rank


def _face(numbers: dict[str, Any], name: str) -> dict[str, str]:
    """Returns of each other model what the paired test shows of this one: `better`, `worse` or `not shown`."""
    faced = {}
    for pair in numbers["pairs"]:
        if name in pair["models"]:
            first, second = pair["models"]
            mine, other = ("a", second) if first == name else ("b", first)
            words = {"a": "worse", "b": "worse", mine: "better"}
            faced[other] = words.get(pair["verdict"], "not shown")

    return faced


def _say_best(
    found: dict[str, Any], numbers: dict[str, Any], load: dict[str, Any], task: str
) -> str:
    where = f"keeps {load['slo']}{_say_load(load['load'])}"
    if found["best"] is None:
        return f"No classifier of {task} {where}."

    accuracy = next(
        each["metrics"]["accuracy"]
        for each in numbers["models"]
        if each["model"] == found["best"]
    )
    right, low, high = show_interval(
        accuracy["value"], accuracy["interval"], percent, 1
    )
    return (
        f"The most accurate classifier that {where} is {shorten(found['best'], task)}: right on "
        f"{right} of {count_rows(numbers['rows'])} (95 %: {low} to {high})."
    )


def _say_load(load: dict[str, Any] | None) -> str:
    if load is None:
        return ""
    if load["loop"] == "closed":
        return f" for {load['concurrency']} callers"

    return f" at {load['rate']:,g} requests/s" if "rate" in load else ""


def _say_others(found: dict[str, Any], task: str) -> str:
    better, level = (
        join([shorten(each, task) for each in found[key]])
        for key in ("better_than", "not_told_from")
    )
    if better and level:
        return f"Of those that keep it too, it is shown to be better than {better}, but not than {level}."
    if better:
        return f"It is shown to be better than all others that keep it: {better}."

    return (
        f"It is not shown to be better than {level}, which keep it too."
        if level
        else ""
    )


def _say_too_slow(found: dict[str, Any], shown: dict[str, str], task: str) -> str:
    names = join([shorten(each, task) for each in found["too_slow"]])
    if not names or found["best"] is None:
        return ""

    worse = [each for each in found["too_slow"] if shown[each] == "worse"]
    if not worse:
        return (
            f"What does not keep it, {names}, is not shown to be more accurate either."
        )

    costly = join([shorten(each, task) for each in worse])
    return (
        f"It does without {costly}, shown to be more accurate but not seen to keep it."
    )


def _say_void(void: Sequence[str], task: str) -> str:
    if not void:
        return ""

    names = join([shorten(each, task) for each in void])
    return f"The load tests of {names} are void: the generator was the bottleneck."
