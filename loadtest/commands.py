"""The command tests at one load, searches the highest rate, or gives a verdict on a task's classifiers."""

from __future__ import annotations

import argparse
from typing import Any

from cli.output import write_note
from loadtest import console, load_options, result, search, verdict
from loadtest.run import Load, Run, measure
from loadtest.search import Trial
from loadtest.targets.server import Server
from loadtest.targets.target import Target, find_target
from service.errors import LoadTestError

SEARCH_REPEATS = 3


def measure_target(
    options: argparse.Namespace, *, model: str | None = None
) -> tuple[dict[str, Any], list[Run]]:
    """Measures one target, at the load that is given or at the highest rate; returns the result and the runs."""
    target = find_target(load_options.make_target_options(options, model=model))
    if is_search(options):
        return _search(options, target)

    return _measure(options, target, load_options.make_load(options))


def is_search(options: argparse.Namespace) -> bool:
    """Says whether the rate is to be searched: objectives are given, and no load."""
    return bool(options.slo) and not (
        options.rate or options.concurrency or options.replay
    )


def _measure(
    options: argparse.Namespace, target: Target, load: Load
) -> tuple[dict[str, Any], list[Run]]:
    line = console.LiveLine()
    repeats = 1 if is_search(options) else options.repeats or 1
    runs = measure(target, load, repeats=repeats, on_progress=line, on_run=line.end)
    document = result.build(
        target, load, runs, slo=options.slo or (), confidence=options.confidence
    )

    return document, runs


def _search(
    options: argparse.Namespace, target: Target
) -> tuple[dict[str, Any], list[Run]]:
    """Searches, then measures once more at a rate that every repeat kept."""
    load = load_options.make_load(options)
    default_repeats = 1 if options.task else SEARCH_REPEATS

    def measure_at(rate: float) -> Run:
        (run,) = measure(target, search.set_rate(load, rate))
        return run

    found = search.search(
        measure_at,
        options.slo,
        start_rate=search.find_start_rate(target, load),
        repeats=options.repeats or default_repeats,
        on_trial=_tell_trial,
    )
    rate = min(found.rates, default=search.MIN_RATE)
    document, runs = _measure(options, target, search.set_rate(load, rate))

    return {**document, "search": found.describe()}, runs


def _tell_trial(trial: Trial) -> None:
    word = "holds" if trial.holds else "fails"
    if trial.fault:
        word = "void"

    seen = []
    for text, value in trial.seen.items():
        figure = "beyond" if value is None else f"{value:.4g}"
        seen.append(f"{text}: {figure}")

    write_note(f"{trial.rate:10,.1f}/s {word}  {', '.join(seen)}")


def judge_task(options: argparse.Namespace) -> dict[str, Any]:
    """Measures every classifier of a task under the same load, and joins that with their accuracy."""
    server = Server(options.url, load_options.make_target_options(options).headers)
    contenders = []
    for name in server.list_models(options.task):
        write_note(name)
        card = server.find_card(name)
        if card is None:
            raise LoadTestError(f"{server.base}: its models changed: {name}")
        document, _ = measure_target(options, model=name)
        contenders.append(verdict.make_contender(card, document))

    slo = ",".join(each.text for each in options.slo)

    return verdict.describe(contenders, task=options.task, slo=slo)
