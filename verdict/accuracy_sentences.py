"""Each sentence of a verdict is made here from its numbers; none says more than is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verdict.grouping import Grouping
from verdict.words import (
    count_groups,
    count_rows,
    join,
    percent,
    round_up,
    shorten,
    show_interval,
    show_p,
    signed,
)

CONDITION = (
    "All this holds for rows like these, and only if no model has learnt from them."
)
MAX_WORSE = 3
"""So many parts of the rows are named."""
MAX_UNSEEN = 5


def tell_groups(numbers: dict[str, Any], grouping: Grouping) -> str:
    """Says which rows belong together, where any do."""
    if grouping.groups is None:
        return ""

    n_groups = numbers["n_groups"]
    those = "that" if n_groups == 1 else "those"
    counted = f"{count_groups(n_groups)}, and intervals and tests count {those}"
    equal = f"{count_rows(grouping.n_equal)} repeat others"
    if grouping.column is None:
        return f"{equal}: equal rows belong together, in {counted}."

    together = f"The rows belong together by {grouping.column!r}, in {counted}"
    return f"{together}; {equal}." if grouping.n_equal else f"{together}."


def tell_unseen(rows_of_class: Sequence[int], classes: Sequence[str]) -> str:
    """Says which classes have no row among several that have, since no figure says anything of them."""
    unseen = [
        repr(name) for name, n in zip(classes, rows_of_class, strict=True) if not n
    ]
    if not unseen or len(unseen) == len(classes) - 1:
        return ""
    shown = [*unseen[:MAX_UNSEEN], *(["others"] if len(unseen) > MAX_UNSEEN else [])]
    return f"No row is {join(shown, 'or')}, so that errors on such rows are not seen."


def compare_with_baseline(
    numbers: dict[str, Any], leader: dict[str, Any], task: str
) -> str:
    """Says how the leader stands to one who always says the commonest class."""
    baseline = numbers["baseline"]
    name = shorten(leader["model"], task)
    always = (
        f"Saying {baseline['class']!r} always is right on {percent(baseline['share'])}"
    )
    if baseline["share"] == 1:
        always = f"All rows are {baseline['class']!r}, so that errors on other classes are not seen. {always}"
    if baseline["beaten"]:
        return f"{always}; {name} is shown to be better."
    if leader["metrics"]["accuracy"]["value"] < baseline["share"]:
        return f"{always}, more often than any model here."

    n_models = len(numbers["models"])
    p_value = show_p(baseline["p_value"])
    of_all = f", as the best of {n_models} here" if n_models > 1 else ""
    return (
        f"{always}, and {name} is not shown to be better than that ({p_value}{of_all})."
    )


def compare(
    pair: dict[str, Any], leader: str, numbers: dict[str, Any], task: str
) -> str:
    """Says what is shown of the leader and another model, which the pair is seen from."""
    name = shorten(leader, task)
    other = shorten(pair["other"], task)
    rows = count_rows(numbers["rows"])
    apart, between = _write_interval(pair, len(numbers["pairs"]))
    if pair["better"]:
        more = f"right on {apart.removeprefix('+')} more of the rows ({between})"
        return f"{name} is better than {other}: {more}."

    discordant = pair["only_a"] + pair["only_b"]
    if discordant == 0:
        return f"{name} and {other}: no verdict on {rows}; they are right on the same ones."

    on = count_rows(discordant)
    if pair["n_apart"] < discordant:
        on += f" of {count_groups(pair['n_apart'])}"
    ask = f"{_ask(pair, numbers)}{_equate(pair)}"
    if pair["verdict"] == "too few":
        unit = "" if pair["n_apart"] == discordant else " groups"
        why = f"one alone is right on only {on}, and fewer than {pair['min_discordant']}{unit} can show no difference"
        return f"{name} and {other}: no verdict on {rows}; {why}. {ask}"

    return (
        f"{name} and {other} cannot be told apart in accuracy on {rows}: one alone is right on {on}, accuracy differs "
        f"by {apart} ({between}). {ask}"
    )


def find_worse(numbers: dict[str, Any], leader: str, task: str) -> str:
    """Says where the leader is worse than another model, the surest of it first."""
    slices = numbers["slices"]
    name = shorten(leader, task)
    if not slices["tests"]:
        return ""

    by = "by class and by column" if slices["columns"] else "by class"
    parts, were = (
        ("1 part", "was")
        if slices["parts"] == 1
        else (f"{slices['parts']} parts", "were")
    )
    looked = f"{parts} of {slices['min_rows']} rows or more, {by}, {were} looked at"
    if not slices["worse"]:
        return f"In no part of the rows is {name} shown to be worse than another model: {looked}."

    surest = [_describe_worse(each, task) for each in slices["worse"][:MAX_WORSE]]
    more = slices["n_worse"] - len(surest)
    further = f", and in {more} more comparisons" if more > 0 else ""

    return (
        f"{name} is worse {join(surest)}{further} ({looked}; of such findings at most {100 * slices['rate']:.0f} % are "
        "chance)."
    )


def _describe_worse(found: dict[str, Any], task: str) -> str:
    other = shorten(found["other"], task)
    where = f"than {other} where {found['slicing']} is {found['part']!r}"
    shares = (
        f"{percent(found['accuracy'])} against {percent(found['accuracy_of_other'])}"
    )
    return f"{where} ({shares} of {count_rows(found['rows'])})"


def write_prices(
    numbers: dict[str, Any], costs: dict[str, dict[str, float | None]], task: str
) -> str:
    """Says which of those that may be the best is the cheapest."""
    best = numbers["may_be_best"]
    if len(best) == 1:
        return ""

    latencies = _find_known(costs, best, "latency_ms")
    sizes = _find_known(costs, best, "size_bytes")
    start = f"Of the {len(best)} that may be the best,"
    if not latencies and not sizes:
        return ""

    smallest = min(sizes, key=lambda each: sizes[each], default="")
    small = f"is the smallest ({sizes[smallest]:,.0f} bytes)" if sizes else ""
    if not latencies:
        return f"{start} {shorten(smallest, task)} {small}."

    fastest = min(latencies, key=lambda each: latencies[each])
    fast = f"{shorten(fastest, task)} was the fastest ({latencies[fastest]:.3g} ms a row, the median here)"
    if not sizes:
        return f"{start} {fast}."
    if smallest == fastest:
        return f"{start} {fast} and {small}."

    return f"{start} {fast}, and {shorten(smallest, task)} {small}."


def _find_known(
    costs: dict[str, dict[str, float | None]], names: Sequence[str], kind: str
) -> dict[str, float]:
    """Returns a cost of each of these models, and none at all where that of one is not known."""
    known = {name: costs[name][kind] for name in names}
    if None in known.values():
        return {}
    return {name: cost for name, cost in known.items() if cost is not None}


def write_unanswered(
    leader: dict[str, Any], task: str, risk: float, *, n_models: int
) -> str:
    """Says what the leader would have to leave unanswered for the wanted risk, as far as it can be promised.

    The leader was chosen on these rows: the confidence is that of all models' promises together.
    """
    name = shorten(leader["model"], task)
    sure = leader["at_guaranteed_risk"]
    wanted = f"be wrong on at most {100 * risk:g} % of what it answers"
    if sure["threshold"] is None:
        return f"From which probability on {name} would {wanted} cannot be promised: these rows are too few for it."

    together = f" for all {n_models} models together" if n_models > 1 else ""
    promise = (
        f"It can be promised, with 95 % confidence{together}, that {name} will {wanted}"
    )
    return f"{promise} from a probability of {sure['threshold']:.9g} on ({percent(sure['coverage'])} of these rows)."


def write_calibration(
    leader: dict[str, Any], task: str, *, n_rows: int, n_models: int
) -> str:
    """Says how far the leader's probabilities are off, beside what a calibrated model would show on so many rows.

    The leader was chosen on these rows: the limit is that of all models together.
    """
    name = shorten(leader["model"], task)
    if leader["votes"]:
        return f"{name} votes: each of its answers has a probability of 1, which says nothing of how sure it is."

    tested = leader["calibrated_ece"]
    is_grouped = tested["rows"] < n_rows
    of_groups = " on the first row of each group" if is_grouped else ""
    chosen = f", as the best of {n_models}," if n_models > 1 else ""
    figure = (
        f"a calibration error of {percent(tested['error'])}{of_groups}; in 95 % of samples of so many rows a "
        f"calibrated model{chosen} would show up to {percent(tested['together'])}"
    )
    if tested["error"] > tested["together"]:
        return f"{name}'s probabilities are not calibrated: {figure}."

    return f"{name}'s probabilities are not shown to be off: {figure}."


def _write_interval(pair: dict[str, Any], n_pairs: int) -> tuple[str, str]:
    """Returns how far a pair is apart, and its interval with the p-value."""
    apart, low, high = show_interval(pair["apart"], pair["between"], signed, 1)
    together = f", all {n_pairs} pairs together" if n_pairs > 1 else ""
    corrected = " after Holm's correction" if n_pairs > 1 else ""
    p_value = f"{show_p(pair['p_value_holm'])}{corrected}"

    return apart, f"95 %{together}: {low} to {high}; {p_value}"


def _equate(pair: dict[str, Any]) -> str:
    """Says where the models are shown to be about as good as each other."""
    if not pair["as_good"]["shown"]:
        return ""

    within = percent(pair["as_good"]["within"])
    return (
        f" They are as good within {within}: this pair alone differs by less, at 5 %."
    )


def _ask(pair: dict[str, Any], numbers: dict[str, Any]) -> str:
    """Says how many rows a verdict would take, from what was seen and from the ends of its interval."""
    plan = pair["rows_needed"]
    fewest, most = plan["range"]
    if "reason" in plan:
        return f"How many rows would show it is not known: {plan['reason'].removeprefix('undefined: ')}."
    if plan["rows"] is None:
        return "They are right equally often: more rows would tell them apart only if that changes."

    interval = (
        "this pair's own interval" if len(numbers["pairs"]) > 1 else "the interval"
    )
    may_be_none = f" (it may be none: {interval} holds 0)" if most is None else ""
    upper = "any number" if most is None else round_up(most)
    like = " in groups like these" if numbers["n_groups"] < numbers["rows"] else ""
    rows = round_up(max(plan["rows"], numbers["rows"]))

    return (
        f"If the difference is what was seen{may_be_none}, {100 * plan['power']:.0f} % of samples of {rows} "
        f"rows{like} would show it; from the ends of {interval} it is {round_up(fewest)} to {upper}."
    )
