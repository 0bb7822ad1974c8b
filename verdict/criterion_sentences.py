"""This module words the verdict by a criterion, each sentence from its numbers."""

from __future__ import annotations

from typing import Any

from verdict.accuracy_sentences import CONDITION, tell_groups
from verdict.criterion import COST, Criterion
from verdict.learnt_rows import tell_learnt
from verdict.predictions import Predictions
from verdict.words import (
    ROUNDING,
    Write,
    count_rows,
    join,
    name_best,
    name_leaders,
    percent,
    round_up,
    shorten,
    show_change,
    show_interval,
    show_number,
    show_p,
    signed,
)

PERCENTS = ("balanced_accuracy",)
"""These metrics are shares, of which more is better; of all others less is."""


def write_by(
    numbers: dict[str, Any], predictions: Predictions, criterion: Criterion
) -> dict[str, Any]:
    """Returns `headline` and `findings`, as `write_verdict` does for accuracy."""
    task = predictions.task
    leader = numbers["leader"]
    told = {each["model"]: each for each in numbers["models"]}
    mine = [
        _face(pair, leader) for pair in numbers["pairs"] if leader in pair["models"]
    ]
    found = [
        tell_groups(numbers, predictions.grouping),
        _tell_left_out(numbers, criterion, task),
        *(_compare(pair, numbers, criterion, task) for pair in mine),
        _tell_baseline(numbers, told[leader], criterion, task),
        *(
            _tell_costs(numbers, told[leader], predictions, criterion)
            if criterion.costs
            else ()
        ),
        CONDITION,
    ]
    head = _head(told[leader], mine, numbers, criterion, task)
    before, after = tell_learnt(predictions)

    return {
        "headline": f"{before}{head}{after}",
        "findings": [each for each in found if each],
    }


def show_value(value: float, metric: str) -> str:
    """Returns a value of a metric as people read it."""
    write, digits = _choose_writer(metric)
    return write(value, digits)


def _choose_writer(metric: str) -> tuple[Write, int]:
    """Returns what writes values of a metric, and with how many digits at least."""
    return (percent, 1) if metric in PERCENTS else (show_number, 4)


def _choose_gain_writer(metric: str) -> tuple[Write, int]:
    return (signed, 1) if metric in PERCENTS else (show_change, 3)


def _tell_left_out(numbers: dict[str, Any], criterion: Criterion, task: str) -> str:
    """Says who votes and so has no place by this metric."""
    names = [shorten(each, task) for each in numbers["left_out"]]
    if not names:
        return ""

    is_one = len(names) == 1
    has = "it has" if is_one else "they have"
    return (
        f"{join(names)} {'votes' if is_one else 'vote'} here: each answer has a probability of 1, which says nothing "
        f"of how sure it is, so that {has} no {criterion.name} and no place by it."
    )


def _face(pair: dict[str, Any], leader: str) -> dict[str, Any]:
    """Returns the pair as the leader sees it."""
    is_first = pair["models"][0] == leader
    interval = pair["gain"]["interval"]
    if interval is not None and not is_first:
        interval = [-interval[1], -interval[0]]

    return pair | {
        "other": pair["models"][is_first],
        "better": pair["verdict"] == ("a" if is_first else "b"),
        "apart": pair["gain"]["value"] * (1 if is_first else -1),
        "between": interval,
    }


def _head(
    leader: dict[str, Any],
    mine: list[dict[str, Any]],
    numbers: dict[str, Any],
    criterion: Criterion,
    task: str,
) -> str:
    name = shorten(leader["model"], task)
    figure = _show_figure(leader, numbers, criterion)
    beaten = [shorten(pair["other"], task) for pair in mine if pair["better"]]
    level = [shorten(pair["other"], task) for pair in mine if not pair["better"]]
    if not mine:
        alone = f"It is the only classifier of {task}"
        if numbers["left_out"]:
            alone += " that gives probabilities here"
        return f"{name}'s {criterion.name} is {figure}. {alone}: there is nothing to compare it with."
    if not level:
        shown = f"and it is shown to be better than {join(beaten)}"
        return f"{name} is the best by {criterion.name}: {figure}, {shown}."

    equal = [
        shorten(pair["other"], task) for pair in mine if abs(pair["apart"]) <= ROUNDING
    ]
    shown = f"shown to be better than {join(beaten)}, but not" if beaten else ""
    compared = f"{name} is {shown or 'not shown to be better'} than {join(level, 'or')}"
    best = [shorten(each, task) for each in numbers["may_be_best"]]
    among = name_best(best, len(numbers["models"]), " by it")

    return f"{name_leaders(name, equal)} by {criterion.name}: {figure}. {compared}. {among}."


def _show_figure(
    leader: dict[str, Any], numbers: dict[str, Any], criterion: Criterion
) -> str:
    """Says a model's value; its interval does not know that the model was chosen on the same rows."""
    interval = leader["interval"]
    on = f"{'a row ' if criterion.metric == COST else ''}on {count_rows(numbers['rows'])}"
    if interval is None:
        return (
            f"{show_value(leader['value'], criterion.metric)} {on} ({leader['reason']})"
        )

    writer = _choose_writer(criterion.metric)
    value, low, high = show_interval(leader["value"], interval, *writer)
    chosen = ", had it been the only one" if len(numbers["models"]) > 1 else ""
    return f"{value} {on} (95 %{chosen}: {low} to {high})"


def _compare(
    pair: dict[str, Any], numbers: dict[str, Any], criterion: Criterion, task: str
) -> str:
    name = shorten(numbers["leader"], task)
    other = shorten(pair["other"], task)
    if pair["between"] is None:
        return f"{name} and {other}: no verdict by {criterion.name}; {pair['reason']}."

    writer = _choose_gain_writer(criterion.metric)
    gain, low, high = show_interval(pair["apart"], pair["between"], *writer)
    n_pairs = len(numbers["pairs"])
    together = f", all {n_pairs} pairs together" if n_pairs > 1 else ""
    between = f"95 %{together}: {low} to {high}; {show_p(pair['p_value_together'])}"
    if pair["better"]:
        return (
            f"{name} is better than {other} by {criterion.name}: by {gain} ({between})."
        )

    here = (
        f"{name} is better by {gain} here"
        if abs(pair["apart"]) > ROUNDING
        else "they are equal here"
    )
    level = f"{name} and {other} cannot be told apart by {criterion.name}"
    return f"{level}: {here} ({between}).{_ask(pair['rows_needed'])}"


def _ask(plan: dict[str, Any] | None) -> str:
    """Says how many rows a verdict would take, were the difference what was seen."""
    if plan is None or plan["rows"] is None:
        return ""

    nearest = plan["nearest"]
    may_be_none = " (it may be none: this pair's own interval holds 0)"
    seen = f"the difference is what was seen{'' if nearest else may_be_none}"
    end = (
        f"; were it the nearest end of this pair's own interval, {round_up(nearest)} rows"
        if nearest
        else ""
    )

    return (
        f" If {seen}, 80 % of samples of about {round_up(plan['rows'])} rows would show it in a test of this pair "
        f"alone{end}."
    )


def _tell_baseline(
    numbers: dict[str, Any], leader: dict[str, Any], criterion: Criterion, task: str
) -> str:
    baseline = numbers["baseline"]
    value = show_value(baseline["value"], criterion.metric)
    if criterion.metric == COST:
        always = f"Saying {baseline['class']!r} always would cost {value} a row here"
        if leader["value"] >= baseline["value"]:
            return f"{always}, no more than {shorten(leader['model'], task)} does."
        return f"{always}."
    if criterion.metric == "balanced_accuracy":
        is_over = leader["value"] > baseline["value"] + ROUNDING
        said = f"Saying the same class always has a balanced accuracy of {value}"
    else:
        is_over = leader["value"] < baseline["value"] - ROUNDING
        said = f"Giving every row the shares of the classes here has a {criterion.name} of {value}"

    return f"{said}." if is_over else f"{said}, and no model here is better than that."


def _tell_costs(
    numbers: dict[str, Any],
    leader: dict[str, Any],
    predictions: Predictions,
    criterion: Criterion,
) -> list[str]:
    """Says what was decided and how, what that saves, and which threshold was the cheapest on these rows."""
    name = shorten(leader["model"], predictions.task)
    threshold = numbers["threshold"]
    how = "For each row the class of the least expected cost is said, by the model's own probabilities"
    if threshold is not None:
        second = predictions.classes[1]
        how += f": with these costs {second!r} from a probability of {show_number(threshold)} on"

    n_models = len(numbers["models"])
    said = [f"{how}.", _tell_saved(leader, name, n_models=n_models)]
    if criterion.has_price:
        said.append(
            f"The costs include {show_number(leader['price'], 3)} a row for {name}'s {_name_priced(criterion)}."
        )

    chosen = [each for each in numbers["models"] if each["chosen"] is not None]
    if chosen:
        said.append(_tell_chosen(chosen, predictions))

    return said


def _name_priced(criterion: Criterion) -> str:
    priced = {"latency": criterion.price_ms, "bytes": criterion.price_mb}
    return join([name for name, price in priced.items() if price])


def _tell_saved(leader: dict[str, Any], name: str, *, n_models: int) -> str:
    saved = leader["saved"]
    is_dearer = saved["together"][1] < 0
    sign = -1 if is_dearer else 1
    ends = tuple(sorted(sign * each for each in saved["together"]))
    value, low, high = show_interval(
        sign * saved["value"], (ends[0], ends[1]), show_number, 3
    )
    level = f"95 %, as the best of {n_models} here" if n_models > 1 else "95 %"
    between = f"{value} ({level}: {low} to {high})"
    plain = (
        f"{name}'s own labels cost {show_value(leader['as_answered'], COST)} a row here"
    )
    if ends[0] > 0:
        shown = "be dearer, by" if is_dearer else "save"
        return f"{plain}: deciding by cost is shown to {shown} {between}."
    if saved["value"] == 0:
        return f"{plain}, as much as when decided by cost."

    return f"{plain}: deciding by cost is not shown to save anything, {between}."


def _tell_chosen(models: list[dict[str, Any]], predictions: Predictions) -> str:
    """Names the model and threshold that would have cost least; who is chosen on rows looks cheap on them."""
    best = min(models, key=lambda each: round(each["chosen"]["cost_elsewhere"], 9))
    name = shorten(best["model"], predictions.task)
    chosen = best["chosen"]
    threshold = f"{predictions.classes[1]!r} from a probability of {show_number(chosen['threshold'])} on"

    here, elsewhere = (
        show_value(chosen[each], COST) for each in ("cost_here", "cost_elsewhere")
    )

    return (
        f"Of thresholds chosen on rows like these, that of {name} costs least: {elsewhere} a row on rows that it was "
        f"not chosen on (five folds). Chosen on all of them it is {threshold}, which costs {here} a row here and is to "
        "be expected to cost more elsewhere."
    )
