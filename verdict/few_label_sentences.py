"""The words say what few labels show, and how many labels a verdict takes."""

from __future__ import annotations

from typing import Any

from verdict.words import (
    count_rows,
    join,
    name_leaders,
    percent,
    round_up,
    shorten,
    show_interval,
    show_p,
    signed,
)

MAX_PAIRS = 10
"""So many plans are told, of the pairs that disagree most."""
CONDITION = (
    "This holds if the rows are like those to come, and if the labelled ones are those that were asked for, or "
    "a random part of them."
)


def write_plan(numbers: dict[str, Any], task: str) -> list[str]:
    """Returns sentences before any label: on how many rows models disagree, and what a verdict takes."""
    divided = numbers["disagree"]["rows"]
    n_rows = numbers["rows"]
    if not divided:
        return [_tell_one_answer(n_rows, len(numbers["models"]), task)]

    share = percent(divided / n_rows)
    said = [
        f"The {len(numbers['models'])} classifiers of {task} do not all say the same on {divided:,} of "
        f"{count_rows(n_rows)} ({share}); who is right more often than another is decided there alone."
    ]
    order = sorted(numbers["pairs"], key=lambda pair: -pair["disagree"])
    said += [_plan(pair, numbers, task) for pair in order[:MAX_PAIRS]]
    if len(order) > MAX_PAIRS:
        said.append(
            f"And {len(order) - MAX_PAIRS} more pairs, which disagree on fewer rows."
        )

    return said


def _tell_one_answer(n_rows: int, n_models: int, task: str) -> str:
    same = f"All {n_models} classifiers of {task} say the same"
    return f"{same} on each of {count_rows(n_rows)}, so that no label of these tells one from another."


def _plan(pair: dict[str, Any], numbers: dict[str, Any], task: str) -> str:
    first, second = (shorten(each, task) for each in pair["models"])
    plan = pair["plan"]
    wanted = percent(plan["wanted"])
    share = percent(pair["disagree"] / numbers["rows"])
    start = f"{first} and {second} disagree on {pair['disagree']:,} rows ({share})"
    if plan["rows"] is None:
        return f"{start}: their accuracies are not {wanted} apart here, whatever the truth is."

    of_pairs = (
        f", corrected for {len(numbers['pairs'])} pairs"
        if len(numbers["pairs"]) > 1
        else ""
    )
    days = f", or {plan['days']:,.1f} days of today's traffic" if plan["days"] else ""
    return (
        f"{start}: were one right on {wanted} more of the rows, {100 * plan['power']:.0f} % of samples of about "
        f"{round_up(plan['rows'])} rows{days} would show it{of_pairs}, with about {round_up(plan['labels'])} labels, "
        "in place of a label of each of those rows."
    )


def write_few(numbers: dict[str, Any], task: str) -> dict[str, Any]:
    """Returns `headline` and `findings` from the labels that there are."""
    leader = numbers["leader"]
    divided, agreed = numbers["disagree"], numbers["agree"]
    labels = (
        f"{divided['labelled']:,} of {count_rows(divided['rows'])} on which models disagree are labelled, and "
        f"{agreed['labelled']:,} of {agreed['rows']:,} on which they agree"
    )
    if leader is None:
        why = "No model is right on a labelled row with disagreement"
        if not divided["rows"]:
            why = _tell_one_answer(numbers["rows"], len(numbers["models"]), task)[:-1]
        elif not divided["labelled"]:
            why = "No row on which models disagree is labelled, so that none is told to be better"

        return {"headline": f"{why}: {labels}.", "findings": []}

    mine = [
        _face(pair, leader) for pair in numbers["pairs"] if leader in pair["models"]
    ]
    beaten = [shorten(pair["other"], task) for pair in mine if pair["better"]]
    level = [shorten(pair["other"], task) for pair in mine if not pair["better"]]
    name = shorten(leader, task)
    shown = f"shown to be better than {join(beaten)}" if beaten else ""
    not_shown = f"not shown to be better than {join(level, 'or')}" if level else ""
    judged = ", but ".join(filter(None, [shown, not_shown]))
    equal = [shorten(pair["other"], task) for pair in mine if pair["apart"] == 0]
    it = name if equal else "it"

    return {
        "headline": f"{name_leaders(name, equal)}: {it} is {judged}. {labels[0].upper()}{labels[1:]}.",
        "findings": [
            *(_compare(pair, numbers, task) for pair in mine),
            *_tell_accuracies(numbers, task),
            CONDITION,
        ],
    }


def _face(pair: dict[str, Any], leader: str) -> dict[str, Any]:
    is_first = pair["models"][0] == leader
    sign = 1 if is_first else -1
    difference = pair["difference"]
    between = difference["interval"]
    if between is not None and not is_first:
        between = [-between[1], -between[0]]

    return pair | {
        "other": pair["models"][is_first],
        "better": pair["verdict"] == ("a" if is_first else "b"),
        "apart": None if difference["value"] is None else sign * difference["value"],
        "between": between,
    }


def _compare(pair: dict[str, Any], numbers: dict[str, Any], task: str) -> str:
    name = shorten(numbers["leader"], task)
    other = shorten(pair["other"], task)
    labels = f"{pair['labelled']:,} labels of {count_rows(pair['disagree'])} on which they disagree"
    if pair["between"] is None:
        return f"{name} and {other}: no verdict; there are {labels}.{_ask(pair)}"

    apart, low, high = show_interval(pair["apart"], pair["between"], signed, 1)
    n_pairs = len(numbers["pairs"])
    together = f", all {n_pairs} pairs together" if n_pairs > 1 else ""
    p_value = show_p(pair["p_value_holm"])
    between = f"95 %{together}: {low} to {high}; {p_value}"
    if pair["better"]:
        more = f"right on {apart.removeprefix('+')} more of the rows ({between})"
        return f"{name} is better than {other}: {more}, from {labels}."

    apart = f"accuracy differs by {apart} ({between}), from {labels}"
    if pair["verdict"] == "too few":
        few = f"fewer than {pair['min_discordant']} rows on which one alone is right can show no difference"
        return f"{name} and {other}: no verdict; {few}: {apart}.{_ask(pair)}"

    return f"{name} and {other} cannot be told apart in accuracy: {apart}.{_ask(pair)}"


def _ask(pair: dict[str, Any]) -> str:
    """Says how many more labels show the wanted difference, as far as the plan is not fulfilled."""
    plan = pair["plan"]
    if plan["labels"] is None or plan["labels"] <= pair["labelled"]:
        return ""

    more = round_up(plan["labels"] - pair["labelled"])
    shown = f"show a difference of {percent(plan['wanted'])} in {100 * plan['power']:.0f} % of samples"
    return f" About {round_up(plan['labels'])} labels of such rows, {more} more than there are, {shown}."


def _tell_accuracy(accuracy: dict[str, Any]) -> str:
    if accuracy["interval"] is None:
        return f"{percent(accuracy['value'])} ({accuracy['reason']})"
    value, low, high = show_interval(
        accuracy["value"], accuracy["interval"], percent, 1
    )
    return f"{value} ({low} to {high})"


def _tell_accuracies(numbers: dict[str, Any], task: str) -> list[str]:
    """Says accuracies on all rows, where rows of both kinds are labelled, and why there are none else."""
    found = [
        each for each in numbers["models"] if each["accuracy"]["value"] is not None
    ]
    if not found:
        reason = numbers["models"][0]["accuracy"]["reason"]
        return [f"Accuracies are not known ({reason.removeprefix('undefined: ')})."]

    shown = []
    for each in found:
        accuracy = each["accuracy"]
        shown.append(f"{shorten(each['model'], task)} {_tell_accuracy(accuracy)}")

    return [
        f"Accuracies on all rows, each label weighted by how rarely its kind was asked for (95 %): {join(shown)}."
    ]
