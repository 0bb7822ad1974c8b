"""This module words the verdict by the metric that is wanted, each sentence from its numbers."""

from __future__ import annotations

from typing import Any

from verdict.findings import CONDITION, tell_groups
from verdict.learnt import tell_learnt
from verdict.predictions import Predictions
from verdict.wanted import COST, Wanted
from verdict.words import (
    ROUNDING,
    count_rows,
    join,
    lead,
    name_best,
    percent,
    round_up,
    shorten,
    show_minus,
    show_p,
    signed,
)

PERCENTS = ("balanced_accuracy",)
"""These metrics are shares, of which more is better; of all others less is."""


def write_by(
    numbers: dict[str, Any], predictions: Predictions, wanted: Wanted
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
        *(_compare(pair, numbers, wanted, task) for pair in mine),
        _tell_baseline(numbers, told[leader], wanted, task),
        *(
            _tell_costs(numbers, told[leader], predictions, wanted)
            if wanted.costs
            else ()
        ),
        CONDITION,
    ]
    head = _head(told[leader], mine, numbers, wanted, task)
    before, after = tell_learnt(predictions)

    return {
        "headline": f"{before}{head}{after}",
        "findings": [each for each in found if each],
    }


def show_value(value: float, metric: str) -> str:
    """Returns a value of a metric as people read it."""
    return percent(value) if metric in PERCENTS else show_minus(f"{value:.4g}")


def _show_gain(gain: float, metric: str) -> str:
    if metric in PERCENTS:
        return signed(gain)
    return show_minus(f"{gain:+.3g}") if abs(gain) > ROUNDING else "0"


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
    wanted: Wanted,
    task: str,
) -> str:
    name = shorten(leader["model"], task)
    figure = _show_figure(leader, numbers, wanted)
    beaten = [shorten(pair["other"], task) for pair in mine if pair["better"]]
    level = [shorten(pair["other"], task) for pair in mine if not pair["better"]]
    if not mine:
        alone = f"It is the only classifier of {task}"
        return f"{name}'s {wanted.name} is {figure}. {alone}: there is nothing to compare it with."
    if not level:
        shown = f"and it is shown to be better than {join(beaten)}"
        return f"{name} is the best by {wanted.name}: {figure}, {shown}."

    equal = [
        shorten(pair["other"], task) for pair in mine if abs(pair["apart"]) <= ROUNDING
    ]
    shown = f"shown to be better than {join(beaten)}, but not" if beaten else ""
    compared = f"{name} is {shown or 'not shown to be better'} than {join(level, 'or')}"
    best = [shorten(each, task) for each in numbers["may_be_best"]]
    among = name_best(best, len(numbers["models"]))

    return f"{lead(name, equal)} by {wanted.name}: {figure}. {compared}. {among} by it."


def _show_figure(
    leader: dict[str, Any], numbers: dict[str, Any], wanted: Wanted
) -> str:
    """Says a model's value; its interval does not know that the model was chosen on the same rows."""
    value = show_value(leader["value"], wanted.metric)
    figure = f"{value} {'a row ' if wanted.metric == COST else ''}on {count_rows(numbers['rows'])}"
    if leader["interval"] is None:
        return f"{figure} ({leader['reason']})"

    low, high = (show_value(each, wanted.metric) for each in leader["interval"])
    chosen = ", had it been the only one" if len(numbers["models"]) > 1 else ""
    return f"{figure} (95 %{chosen}: {low} to {high})"


def _compare(
    pair: dict[str, Any], numbers: dict[str, Any], wanted: Wanted, task: str
) -> str:
    name = shorten(numbers["leader"], task)
    other = shorten(pair["other"], task)
    gain = _show_gain(pair["apart"], wanted.metric)
    if pair["between"] is None:
        return f"{name} and {other}: no verdict by {wanted.name}; {pair['reason']}."

    low, high = (_show_gain(each, wanted.metric) for each in pair["between"])
    n_pairs = len(numbers["pairs"])
    together = f", all {n_pairs} pairs together" if n_pairs > 1 else ""
    between = f"95 %{together}: {low} to {high}; {show_p(pair['p_value_together'])}"
    if pair["better"]:
        return f"{name} is better than {other} by {wanted.name}: by {gain} ({between})."

    here = (
        f"{name} is better by {gain} here"
        if abs(pair["apart"]) > ROUNDING
        else "they are equal here"
    )
    level = f"{name} and {other} cannot be told apart by {wanted.name}"
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
    numbers: dict[str, Any], leader: dict[str, Any], wanted: Wanted, task: str
) -> str:
    baseline = numbers["baseline"]
    value = show_value(baseline["value"], wanted.metric)
    if wanted.metric == COST:
        always = f"Saying {baseline['class']!r} always would cost {value} a row here"
        if leader["value"] >= baseline["value"]:
            return f"{always}, no more than {shorten(leader['model'], task)} does."
        return f"{always}."
    if wanted.metric == "balanced_accuracy":
        is_over = leader["value"] > baseline["value"] + ROUNDING
        said = f"Saying the same class always has a balanced accuracy of {value}"
    else:
        is_over = leader["value"] < baseline["value"] - ROUNDING
        said = f"Giving every row the shares of the classes here has a {wanted.name} of {value}"

    return f"{said}." if is_over else f"{said}, and no model here is better than that."


def _tell_costs(
    numbers: dict[str, Any],
    leader: dict[str, Any],
    predictions: Predictions,
    wanted: Wanted,
) -> list[str]:
    """Says what was decided and how, what that saves, and which threshold was the cheapest on these rows."""
    name = shorten(leader["model"], predictions.task)
    threshold = numbers["threshold"]
    how = "For each row the class of the least expected cost is said, by the model's own probabilities"
    if threshold is not None:
        second = predictions.classes[1]
        how += f": with these costs {second!r} from a probability of {threshold:.4g} on"

    n_models = len(numbers["models"])
    said = [f"{how}.", _tell_saved(leader, name, n_models=n_models)]
    if wanted.has_price:
        said.append(
            f"The costs include {leader['price']:.3g} a row for {name}'s latency and bytes."
        )

    chosen = [each for each in numbers["models"] if each["chosen"] is not None]
    if chosen:
        said.append(_tell_chosen(chosen, predictions))

    return said


def _tell_saved(leader: dict[str, Any], name: str, *, n_models: int) -> str:
    saved = leader["saved"]
    low, high = saved["together"]
    level = f"95 %, as the best of {n_models} here" if n_models > 1 else "95 %"
    plain = (
        f"{name}'s own labels cost {show_value(leader['as_answered'], COST)} a row here"
    )
    limits = show_minus(f"{low:.3g} to {high:.3g}")
    value = show_minus(f"{saved['value']:.3g}")
    between = f"{value} ({level}: {limits})"
    if low > 0:
        return f"{plain}: deciding by cost is shown to save {between}."
    if high < 0:
        dearer = f"{-saved['value']:.3g} ({level}: {-high:.3g} to {-low:.3g})"
        return f"{plain}: deciding by cost is shown to be dearer, by {dearer}."
    if saved["value"] == 0:
        return f"{plain}, as much as when decided by cost."

    return f"{plain}: deciding by cost is not shown to save anything, {between}."


def _tell_chosen(models: list[dict[str, Any]], predictions: Predictions) -> str:
    """Names the model and threshold that would have cost least; who is chosen on rows looks cheap on them."""
    best = min(models, key=lambda each: round(each["chosen"]["cost_elsewhere"], 9))
    name = shorten(best["model"], predictions.task)
    chosen = best["chosen"]
    threshold = (
        f"{predictions.classes[1]!r} from a probability of {chosen['threshold']:.4g} on"
    )

    here, elsewhere = (
        show_value(chosen[each], COST) for each in ("cost_here", "cost_elsewhere")
    )

    return (
        f"Of thresholds chosen on rows like these, that of {name} costs least: {elsewhere} a row on rows that it was "
        f"not chosen on (five folds). Chosen on all of them it is {threshold}, which costs {here} a row here and is to "
        "be expected to cost more elsewhere."
    )
