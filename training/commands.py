"""This module runs the commands of `python -m training`: one family, all of them, or fetching data."""

from __future__ import annotations

import argparse
import signal
from functools import partial
from pathlib import Path
from types import FrameType

from rich.console import Console

from model_card import Card
from tables.reader import Table
from training.arguments.command import parse
from training.arguments.loading import load_dataset
from training.console import (
    compare,
    describe_epoch,
    make_progress,
    print_line,
    summarise,
)
from training.data import images
from training.data.column_descriptions import describe_columns
from training.data.datasets import split
from training.data.images import ImageDataset
from training.data.table import TableError, parse_roles, read_file
from training.export.freshness import read_card
from training.families.registry import FAMILIES
from training.held_out_examples import write_examples
from training.jobs import Learn, Outcome, learn_here, run_all, run_training
from training.learning.family import Epoch, TrainingError
from training.pipeline import Callbacks
from training.shipped import SHIPPED, find_task

_OWN_IMAGE_FAMILIES = ("logistic", "mlp", "cnn")
"""These families learn from any folder of images, and from it alone."""


def main(arguments: list[str]) -> int:
    """Runs the command and returns its exit code, which is 130 where it was interrupted."""
    options = parse(arguments)
    console = Console()

    # SIGINT too: polars' own handler leaves a waiting thread asleep.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)

    try:
        if options.family == "data":
            return _fetch_data(options, console)
        return (
            _train_all(options, console)
            if options.family == "all"
            else _train_one(options, console)
        )
    except KeyboardInterrupt:
        console.print("stopped: what was finished is kept", style="bold red")
        return 130


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raises KeyboardInterrupt, because both signals are a wish to stop."""
    raise KeyboardInterrupt


def _fetch_data(options: argparse.Namespace, console: Console) -> int:
    try:
        with console.status("") as status:
            dataset = images.fetch_cifar10(
                options.given, lambda text: status.update(text)
            )
    except TableError as error:
        _print_refusal(str(error), console)
        return 1

    console.print(
        f"{len(dataset.target)} images of {len(dataset.classes)} classes are in {images.data_folder()}"
    )
    return 0


def _print_columns(options: argparse.Namespace, console: Console) -> Table | None:
    """Prints what each column of a person's table became, and returns the table, to be learnt from.

    What cannot be read is told where it is learnt.
    """
    if hasattr(options, "size") or options.data is None or not options.target:
        return None

    try:
        roles = parse_roles(options.roles or ())
        table = read_file(options.data)
        lines = describe_columns(
            options.data,
            target=options.target,
            exclude=options.exclude or (),
            kind=options.kind,
            roles=roles,
            table=table,
        )
    except TableError:
        return None

    hint = "to change that: --as COLUMN=number, =category, =date, =text or =drop"
    for line in (*lines, hint):
        print_line(line, console)

    return table


def _train_one(options: argparse.Namespace, console: Console) -> int:
    table = _print_columns(options, console)
    with make_progress(console) as progress:
        bar = progress.add_task(
            f"{options.task}-{options.family}",
            total=getattr(options, "epochs", None),
            note="learning",
        )

        def on_epoch(epoch: Epoch) -> None:
            progress.update(bar, completed=epoch.number, note=describe_epoch(epoch))

        outcome = run_training(
            options,
            Callbacks(
                stage=lambda text: progress.update(bar, note=text), epoch=on_epoch
            ),
            table=table,
        )

    for card, path in outcome.models:
        console.print(summarise(card, path, seconds=outcome.seconds))
        _print_where(path, console)

    _print_notes([outcome], console)

    return _print_refusals([outcome], console)


def _print_where(path: Path, console: Console) -> None:
    """Prints where a file lies and how it is served."""
    text = f"written {_show(path)}; serve it: VEREDICTO_MODELS={_show(path.parent)} python -m service"
    print_line(text, console)


def _show(path: Path) -> Path:
    """Returns a path from here where it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _train_all(options: argparse.Namespace, console: Console) -> int:
    try:
        learn = _choose_learning(options)
        commands = (
            _own_commands(options)
            if options.data
            else _shipped_commands(options, console)
        )
    except (TableError, TrainingError) as error:
        _print_refusal(str(error), console)
        return 1

    _print_columns(options, console)
    shared = ["--output", str(options.output)]
    shared += ["--force"] if options.force else []
    if options.report:
        shared += ["--report", str(options.report)]

    outcomes, fresh = run_all(
        [(*command, *shared) for command in commands],
        console,
        learn=learn,
        again=options.again,
    )
    models = [model for outcome in (*outcomes, *fresh) for model in outcome.models]
    _print_models(models, console)
    _print_notes(outcomes, console)
    if options.examples and models:
        _write_examples(options, console)
    if fresh:
        console.print(
            f"{len(fresh)} of {len(commands)} were up to date and left as they are (--again learns them too)"
        )

    if options.data:
        outcomes = _leave_out_unsuitable(outcomes, console)

    return _print_refusals(outcomes, console)


def _print_models(models: list[tuple[Card, Path]], console: Console) -> None:
    """Prints how good they are, where they lie and how they are served; nothing where there are none."""
    if models:
        folder = _show(models[0][1].parent)
        console.print(compare(models))
        text = f"models in {folder}: {len(models)}; serve them: VEREDICTO_MODELS={folder} python -m service"
        print_line(text, console)


def _choose_learning(options: argparse.Namespace) -> Learn:
    """Returns what learns, on this machine or over a cluster; raises TrainingError where there is none."""
    if options.ray is None:
        return partial(learn_here, workers=options.jobs)

    try:
        from training import ray_jobs
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise TrainingError(
            "--ray needs ray, which is not installed: pip install 'veredicto[ray]'"
        ) from error

    return ray_jobs.connect(options.ray, workers=options.jobs)


def _write_examples(options: argparse.Namespace, console: Console) -> None:
    """Writes held-out rows once for all families, also where their files were up to date."""
    dataset = load_dataset(options)
    rows = split(dataset, seed=options.seed).held_out
    text = write_examples(options.output, dataset, rows)
    print_line(text, console)


def _leave_out_unsuitable(outcomes: list[Outcome], console: Console) -> list[Outcome]:
    """Prints which families cannot learn from the data, and returns the outcomes of the others."""
    for outcome in outcomes:
        if outcome.unsuitable:
            text = f"left out {outcome.name}: {outcome.unsuitable}"
            print_line(text, console)

    return [outcome for outcome in outcomes if not outcome.unsuitable]


def _shipped_commands(
    options: argparse.Namespace, console: Console
) -> list[tuple[str, ...]]:
    commands = [
        command
        for command in SHIPPED
        if (options.families is None or command[0] in options.families)
        and (options.task is None or find_task(command) == options.task)
    ]
    if not commands:
        raise TableError(
            "nothing that is shipped has this task and family; your own table goes with --data"
        )

    if not hasattr(options, "size") and any(
        (options.target, options.exclude, options.kind, options.roles)
    ):
        load_dataset(options)

    if options.examples:
        raise TableError(
            "--examples goes with --data, or with one family: those of the bundled tasks are shipped"
        )

    if options.folds or options.seed:
        raise TableError(
            "what is shipped has folds and seed of its own: give --folds and --seed to a family, or --data"
        )

    here = [
        each
        for each in commands
        if (task := find_task(each)) not in images.TASKS or images.is_available(task)
    ]
    if len(here) < len(commands):
        text = f"{len(commands) - len(here)} models of images are left as they are: their data is not here"
        console.print(f"{text} (python -m training data cifar10 fetches it)")

    return here


def _own_commands(options: argparse.Namespace) -> list[tuple[str, ...]]:
    """Returns a command for each family; raises TableError where no family can learn from the table."""
    words = ["--task", options.task or "", "--data", str(options.data)]
    words += ["--folds", str(options.folds), "--seed", str(options.seed)]
    if isinstance(load_dataset(options), ImageDataset):
        return [
            (family, *words, "--size", str(options.size))
            for family in options.families or _OWN_IMAGE_FAMILIES
        ]

    words += ["--target", options.target]
    words += ["--kind", options.kind] if options.kind else []
    words += ["--exclude", *options.exclude] if options.exclude else []
    words += ["--as", *options.roles] if options.roles else []

    return [(family, *words) for family in options.families or FAMILIES]


def _print_notes(outcomes: list[Outcome], console: Console) -> None:
    notes = [note for outcome in outcomes for note in outcome.notes]
    for note in dict.fromkeys(notes):
        print_line(note, console, style="bold yellow")


def _print_refusals(outcomes: list[Outcome], console: Console) -> int:
    for path in _find_stale(
        [model for outcome in outcomes for model in outcome.models]
    ):
        text = f"{path.name} was learnt from other data under the same task: learn it again or remove it"
        print_line(text, console, style="bold yellow")

    refusals = [(each.name, each.failure or each.unsuitable) for each in outcomes]

    for name, reason in refusals:
        if reason:
            _print_refusal(
                f"{name}: {reason}" if len(outcomes) > 1 else reason, console
            )

    return int(any(reason for _, reason in refusals))


def _find_stale(models: list[tuple[Card, Path]]) -> list[Path]:
    """Returns files beside these of the same task but of other data, which the service may refuse to load with them."""
    stale = set()
    for card, path in models:
        for other in path.parent.glob(f"{card.task}-*.onnx"):
            found = read_card(other)
            if (
                found
                and found.task == card.task
                and found.provenance.fingerprint != card.provenance.fingerprint
            ):
                stale.add(other)

    return sorted(stale)


def _print_refusal(text: str, console: Console) -> None:
    print_line(f"not written: {text}", console, style="bold red")
