"""The verdict says in plain words what the numbers mean, the answer first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verdict import accuracy_sentences as say
from verdict.grouping import EACH_BY_ITSELF, Grouping
from verdict.learnt_rows import NOTHING_LEARNT, LearntSentences
from verdict.words import (
    count_rows,
    join,
    name_best,
    name_leaders,
    percent,
    shorten,
    show_interval,
)


def write_verdict(
    numbers: dict[str, Any],
    *,
    task: str,
    costs: dict[str, dict[str, float | None]],
    risk: float,
    classes: Sequence[str] = (),
    grouping: Grouping = EACH_BY_ITSELF,
    learnt: LearntSentences = NOTHING_LEARNT,
) -> dict[str, Any]:
    """Returns `headline`, one sentence or some, and `findings`, a list of them. `costs` has each model's latency_ms and
    size_bytes, `learnt` what the headline says of rows that models were learnt from.
    """
    leader = numbers["leader"]
    told = {each["model"]: each for each in numbers["models"]}
    mine = [
        _facing(pair, leader) for pair in numbers["pairs"] if leader in pair["models"]
    ]
    found = [
        *_list_findings(numbers, mine, task, costs, risk, grouping),
        say.tell_unseen(numbers["rows_of_class"], classes) if classes else "",
        say.CONDITION,
    ]
    head = f"{_head(told[leader], mine, numbers, task)}{_tell_better_baseline(numbers)}"

    return {
        "headline": f"{learnt.before}{head}{learnt.after}",
        "findings": [each for each in found if each],
    }


def _list_findings(
    numbers: dict[str, Any],
    mine: list[dict[str, Any]],
    task: str,
    costs: dict[str, dict[str, float | None]],
    risk: float,
    grouping: Grouping,
) -> list[str]:
    """Returns the sentences below the headline, empty where there is nothing to say; `mine` are the leader's pairs."""
    leader = numbers["leader"]
    told = {each["model"]: each for each in numbers["models"]}
    n_models = len(told)
    baseline = say.compare_with_baseline(numbers, told[leader], task)
    is_beaten = numbers["baseline"]["beaten"]

    return [
        say.tell_groups(numbers, grouping),
        "" if is_beaten else baseline,
        *(say.compare(pair, leader, numbers, task) for pair in mine),
        baseline if is_beaten else "",
        say.find_worse(numbers, leader, task) if mine else "",
        say.write_prices(numbers, costs, task),
        say.write_unanswered(told[leader], task, risk, n_models=n_models),
        say.write_calibration(
            told[leader], task, n_rows=numbers["rows"], n_models=n_models
        ),
    ]


def _tell_better_baseline(numbers: dict[str, Any]) -> str:
    """Says in the headline that one class said always is right more often than whoever is in front."""
    baseline = numbers["baseline"]
    if numbers["leader_accuracy"]["value"] >= baseline["share"]:
        return ""
    return f" Saying {baseline['class']!r} always is right more often."


def _facing(pair: dict[str, Any], leader: str) -> dict[str, Any]:
    """Returns the pair as the leader sees it: the other's name, `better` where the leader is shown to be."""
    first, second = pair["models"]
    is_first = first == leader
    low, high = pair["difference"]["interval"]

    return pair | {
        "other": second if is_first else first,
        "better": pair["verdict"] == ("a" if is_first else "b"),
        "apart": pair["difference"]["value"] * (1 if is_first else -1),
        "between": (low, high) if is_first else (-high, -low),
    }


def _head(
    leader: dict[str, Any],
    mine: list[dict[str, Any]],
    numbers: dict[str, Any],
    task: str,
) -> str:
    name = shorten(leader["model"], task)
    accuracy = numbers["leader_accuracy"]
    right, low, high = show_interval(
        accuracy["value"], accuracy["interval"], percent, 1
    )
    rows = count_rows(numbers["rows"])
    n_models = len(numbers["models"])
    chosen = f", as the best of {n_models} here" if n_models > 1 else ""
    figure = f"right on {right} of {rows} (95 %{chosen}: {low} to {high})"
    beaten = [shorten(pair["other"], task) for pair in mine if pair["better"]]
    level = [shorten(pair["other"], task) for pair in mine if not pair["better"]]
    if not mine:
        return f"{name} is {figure}. It is the only classifier of {task}: there is nothing to compare it with."
    if not level:
        return f"{name} is the best in accuracy: {figure}, and shown to be better than {join(beaten)}."

    equal = [shorten(pair["other"], task) for pair in mine if pair["apart"] == 0]
    leads = name_leaders(name, equal)
    if len(mine) == 1:
        apart = (
            "and" if equal else f"but {name} and {level[0]}"
        ) + f" cannot be told apart in accuracy on {rows}"
        return f"{leads}, {figure}, {apart}."

    better = (
        f"{name} is shown to be better than {join(beaten)}, but not"
        if beaten
        else f"{name} is not shown to be better"
    )
    compared = f"{leads}: {figure}. {better} than {join(level, 'or')}."
    best = name_best([shorten(each, task) for each in numbers["may_be_best"]], n_models)

    return f"No single model is shown to be the best in accuracy. {compared} {best}."
