"""What the numbers mean, in plain words, the answer first."""

from __future__ import annotations

from typing import Any

from evaluation.grouping import EACH_BY_ITSELF, Grouping

LEAST_SHOWN = 0.001


def write_verdict(
    numbers: dict[str, Any],
    *,
    task: str,
    costs: dict[str, dict[str, float | None]],
    risk: float,
    grouping: Grouping = EACH_BY_ITSELF,
) -> dict[str, Any]:
    """Returns `headline`, one sentence, and `findings`, a list of them. `costs` has each model's latency_ms and
    size_bytes.
    """
    leader = numbers["leader"]
    told = {each["model"]: each for each in numbers["models"]}
    mine = [
        _facing(pair, leader) for pair in numbers["pairs"] if leader in pair["models"]
    ]
    findings = [_tell_groups(numbers, grouping)]
    findings += [_compare(pair, leader, numbers["rows"], task) for pair in mine]
    findings += [
        _price(leader, mine, costs, task),
        _decline(told[leader], task, risk),
        _calibrate(told[leader], task),
    ]

    return {
        "headline": _head(told[leader], mine, numbers, task),
        "findings": [each for each in findings if each],
    }


def _tell_groups(numbers: dict[str, Any], grouping: Grouping) -> str:
    """Says which rows belong together, where any do."""
    if grouping.groups is None:
        return ""

    counted = (
        f"{count_groups(numbers['n_groups'])}, and intervals and tests count those"
    )
    equal = f"{count_rows(grouping.n_equal)} repeat others"
    if grouping.column is None:
        return f"{equal}: equal rows belong together, in {counted}."

    together = f"The rows belong together by {grouping.column!r}, in {counted}"
    return f"{together}; {equal}." if grouping.n_equal else f"{together}."


def shorten(name: str, task: str) -> str:
    """Returns a model's name without its task."""
    return name.removeprefix(f"{task}-")


def join(names: list[str]) -> str:
    """Returns names as `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def percent(share: float) -> str:
    """Returns a share as `12.3 %`."""
    return f"{100 * share:.1f} %"


def signed(share: float) -> str:
    """Returns a difference as `+1.2 %` or `0.0 %`, with the sign of minus, not the hyphen."""
    text = f"{100 * share:+.1f} %"
    return "0.0 %" if text[1:] == "0.0 %" else text.replace("-", "−")


def count_rows(number: int) -> str:
    """Returns a count as `1 row` or `2 rows`."""
    return f"{number:,} row{'s' * (number != 1)}"


def count_groups(number: int) -> str:
    """Returns a count as `1 group` or `2 groups`."""
    return f"{number:,} group{'s' * (number != 1)}"


def round_up(rows: int) -> str:
    """Returns a number of rows that is an estimate, to two digits."""
    digits = max(0, len(str(rows)) - 2)
    return f"{-(-rows // 10**digits) * 10**digits:,}"


def show_p(p_value: float) -> str:
    """Returns `p = 0.012`, or `p < 0.001`."""
    return f"p < {LEAST_SHOWN}" if p_value < LEAST_SHOWN else f"p = {p_value:.2g}"


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
    accuracy = leader["metrics"]["accuracy"]
    low, high = accuracy["interval"]
    rows = count_rows(numbers["rows"])
    figure = f"right on {percent(accuracy['value'])} of {rows} (95 %: {percent(low)} to {percent(high)})"
    beaten = [shorten(pair["other"], task) for pair in mine if pair["better"]]
    level = [shorten(pair["other"], task) for pair in mine if not pair["better"]]
    equal = [shorten(pair["other"], task) for pair in mine if pair["apart"] == 0]
    leads = f"{name} leads{f' (level with {join(equal)})' if equal else ''}"
    if not mine:
        return f"{name} is {figure}. It is the only classifier of {task}: there is nothing to compare it with."

    if not level:
        return (
            f"{name} is the best: {figure}, and shown to be better than {join(beaten)}."
        )

    if len(mine) == 1:
        return f"{leads}, {figure}, but {name} and {level[0]} cannot be told apart on {rows}."

    better = (
        f"It is shown to be better than {join(beaten)}, but not"
        if beaten
        else "It is not shown to be better"
    )

    return f"No single model is shown to be the best. {leads}: {figure}. {better} than {join(level)}."


def _compare(pair: dict[str, Any], leader: str, n_rows: int, task: str) -> str:
    name = shorten(leader, task)
    other = shorten(pair["other"], task)
    low, high = pair["between"]
    between = f"95 %: {signed(low)} to {signed(high)}; {show_p(pair['p_value_holm'])} after Holm's correction"
    if pair["better"]:
        return f"{name} is better than {other}: right on {percent(pair['apart'])} more of the rows ({between})."

    discordant = pair["only_a"] + pair["only_b"]
    rows = count_rows(n_rows)
    ask = _ask(pair, n_rows)
    if discordant == 0:
        return f"{name} and {other}: no verdict on {rows}; they are right on the same ones."

    on = count_rows(discordant)
    if pair["verdict"] == "too few":
        if pair["n_apart"] < discordant:
            on += f" of {count_groups(pair['n_apart'])}"
        why = f"one alone is right on only {on}, and fewer than {pair['min_discordant']} can show no difference"
        return f"{name} and {other}: no verdict on {rows}; {why}. {ask}"

    return (
        f"{name} and {other} cannot be told apart on {rows}: one alone is right on {on}, accuracy differs by "
        f"{signed(pair['apart'])} ({between}). {ask}"
    )


def _ask(pair: dict[str, Any], n_rows: int) -> str:
    """Says how many rows a verdict would take, from what was seen and from the ends of its interval."""
    plan = pair["rows_needed"]
    fewest, most = plan["range"]
    if plan["rows"] is None:
        return "They are right equally often: more rows would tell them apart only if that changes."

    may_be_none = " (it may be none: the interval holds 0)" if most is None else ""
    between = (
        f"{round_up(fewest)} to {'any number' if most is None else round_up(most)}"
    )

    return (
        f"If the difference is what was seen{may_be_none}, {100 * plan['power']:.0f} % of samples of "
        f"{round_up(max(plan['rows'], n_rows))} rows would show it; from the ends of the interval it is {between}."
    )


def _price(
    leader: str,
    mine: list[dict[str, Any]],
    costs: dict[str, dict[str, float | None]],
    task: str,
) -> str:
    """Says which of those that are not shown to be worse is the cheapest."""
    level = [leader, *(pair["other"] for pair in mine if not pair["better"])]
    if len(level) == 1:
        return ""

    fastest = min(level, key=lambda each: costs[each]["latency_ms"] or 0)
    text = f"Of the {len(level)} that are not told apart, {shorten(fastest, task)} is the fastest"
    text += f" ({costs[fastest]['latency_ms']:.3g} ms a row)"
    sizes = {each: costs[each]["size_bytes"] for each in level}
    known = {each: size for each, size in sizes.items() if size is not None}
    if len(known) < len(sizes):
        return f"{text}."

    smallest = min(known, key=lambda each: known[each])
    if smallest == fastest:
        return f"{text} and the smallest ({known[smallest]:,.0f} bytes)."

    return f"{text} and {shorten(smallest, task)} the smallest ({known[smallest]:,.0f} bytes)."


def _decline(leader: dict[str, Any], task: str, risk: float) -> str:
    """Says what the leader would have to leave unanswered for the wanted risk."""
    name = shorten(leader["model"], task)
    found = leader["at_risk"]
    sure = leader["at_guaranteed_risk"]
    if found["threshold"] is None:
        return f"No threshold of probability brings {name}'s wrong answers down to {100 * risk:g} % on these rows."

    text = (
        f"To be wrong on at most {100 * risk:g} % of what it answers, {name} would answer from a probability of "
        f"{found['threshold']:.9g} on, which is {percent(found['coverage'])} of these rows"
    )
    if sure["threshold"] is None:
        return f"{text}; these rows are too few to promise that for others."

    promise = f"from {sure['threshold']:.9g} on ({percent(sure['coverage'])} of rows)"

    return f"{text}; {promise} that can be promised for others, with 95 % confidence."


def _calibrate(leader: dict[str, Any], task: str) -> str:
    error = leader["metrics"]["ece"]["value"]
    name = shorten(leader["model"], task)
    return f"{name}'s probabilities are off by {percent(error)} on average (calibration error)."
