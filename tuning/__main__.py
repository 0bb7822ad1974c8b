"""`python -m tuning` searches the settings with which the server serves best on this machine.

Exits 0 when done, 1 when no settings keep the objectives, 2 when it cannot be done.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.output import write_note, write_result
from loadtest.command_line import DONE, check_place, run
from loadtest.targets.options import TargetOptions
from loadtest.targets.server import Server
from loadtest.targets.target import find_target
from service.execution.processors import count_processors
from tuning import arguments, choice, console
from tuning.candidates import Candidate, Choices, find_default, list_candidates
from tuning.halving import Halving, HalvingResult
from tuning.measurement import Figures, MeasurementPlan, Measurer
from tuning.server import run_server

NOT_KEPT = 1


def main(words: Sequence[str] | None = None) -> int:
    """Returns the exit code; what is wrong is written as one line on stderr."""
    options = arguments.parse(words)
    return run(partial(_tune, options), extras="cpu,load")


def _tune(options: argparse.Namespace) -> int:
    """Measures, shows the front and writes the settings."""
    output: Path | None = options.output
    if output is not None:
        check_place(output)

    n_processors = count_processors()
    default = find_default(n_processors)
    candidates = _list_candidates(options, n_processors)
    write_note(f"{len(candidates)} combinations, {options.budget:,.0f} s at most")
    measurer = Measurer(_make_plan(options))
    found = _search(options, measurer, candidates)

    summaries = [
        choice.summarise(each, found.finals.get(each) or figures)
        for each, figures in found.figures.items()
    ]
    common_rate = measurer.common_rate or 0.0
    chosen = choice.choose(options.goal, found, default)
    write_result(*console.write_table(summaries, default, common_rate=common_rate), "")
    if found.is_cut_short:
        write_result(
            "The time ran out: --budget allows more, --trial shortens each trial."
        )
    write_result(console.print_choice(chosen, default, goal=options.goal))

    if output is not None:
        text = console.write_settings(
            chosen,
            default,
            goal=options.goal,
            asked=_describe(options),
            n_processors=n_processors,
        )
        output.write_text(text, encoding="utf-8")
        write_result(
            f"settings: {output}; VEREDICTO_SETTINGS={output} makes the server read it"
        )

    return DONE if any(each.rate is not None for each in summaries) else NOT_KEPT


def _list_candidates(options: argparse.Namespace, n_processors: int) -> list[Candidate]:
    """Returns what is tried; the server is asked once what the model takes, and whether it takes the data."""
    with (
        TemporaryDirectory(prefix="veredicto-tune-") as folder,
        run_server({}, models=options.models, folder=Path(folder)) as server,
    ):
        wanted = TargetOptions(
            url=server.url,
            model=options.model,
            data=options.data,
            n_rows=options.rows,
        )
        find_target(wanted)
        card = Server(server.url, {}).find_card(options.model) or {}

    return list_candidates(
        Choices(
            workers=options.workers,
            threads=options.threads,
            max_batch_rows=options.max_batch_rows,
            request_threads=options.request_threads,
        ),
        n_processors=n_processors,
        has_images=card.get("input", {}).get("type") == "image",
        max_candidates=options.max_candidates,
        seed=options.seed,
    )


def _make_plan(options: argparse.Namespace) -> MeasurementPlan:
    return MeasurementPlan(
        model=options.model,
        models=options.models,
        data=options.data,
        n_rows=options.rows,
        slo=options.slo,
        rate=options.rate,
        trial_s=options.trial,
        seed=options.seed,
    )


def _search(
    options: argparse.Namespace, measurer: Measurer, candidates: Sequence[Candidate]
) -> HalvingResult:
    def measure(candidate: Candidate, repeat: int) -> Figures:
        figures = measurer.measure(candidate.list_variables(), repeat=repeat)
        write_note(console.print_measurement(candidate, candidates[0], figures))
        return figures

    halving = Halving(
        measure=measure,
        score=partial(choice.score, options.goal),
        repeats=options.repeats,
        budget_s=options.budget,
        seed=options.seed,
    )

    return halving.run(candidates)


def _describe(options: argparse.Namespace) -> str:
    slo = ",".join(each.text for each in options.slo)
    if options.rate is None:
        return f"the highest rate of {options.model} within {slo}"

    return f"the least memory of {options.model} at {options.rate:g}/s within {slo}"


if __name__ == "__main__":
    raise SystemExit(main())
