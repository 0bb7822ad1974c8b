"""This module runs many trainings in parallel processes with one display, and leaves alone what is up to date."""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.queues import Queue
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any

from rich.console import Console

from cli.places import find_unwritable
from model_card import Card
from tables.reader import Table
from training.arguments.command import parse, write_command
from training.arguments.run import make_training_run, name_model
from training.console import describe_epoch, make_progress
from training.data.equal_rows import describe_equal_images
from training.data.image_folders import describe_left_out, name_images
from training.data.images import ImageDataset, ParityImages
from training.data.table import TableError
from training.export.freshness import fingerprint_code, is_up_to_date, read_card
from training.export.gate import ExportError
from training.export.torch_operators import keep_torch_operators
from training.families.registry import FAMILIES, IMAGE_FAMILIES
from training.held_out_examples import write_examples
from training.job_progress import Message, Messages, show_progress
from training.judging import train_and_judge
from training.learning.family import Epoch, TrainingError
from training.pipeline import Callbacks, TrainedModel, TrainingRun, train
from training.processors import count_processors

Context = ForkServerContext | SpawnContext


Learn = Callable[[Sequence[list[str]], Messages], "list[Outcome]"]
"""Whoever learns returns outcomes of commands in their order, and says meanwhile what each is doing."""

_messages: Messages | None = None
"""In a process that works, this takes its messages."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """An Outcome is what came of a job: files with their cards, or the reason why there are none."""

    name: str
    models: tuple[tuple[Card, Path], ...] = ()
    seconds: float = 0.0
    unsuitable: str | None = None
    failure: str | None = None
    notes: tuple[str, ...] = ()


def run_training(
    options: argparse.Namespace, callbacks: Callbacks, *, table: Table | None = None
) -> Outcome:
    """Runs one training, of the options' `table` where it is read already; refusals become part of the outcome."""
    # Its hints are about torchvision, not about us.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    started = perf_counter()
    name = f"{options.task}-{name_model(options)}"
    fault = find_unwritable({"--output": options.output, "--report": options.report})
    if fault is not None:
        return Outcome(name=name, failure=fault)

    try:
        training_run = make_training_run(options, callbacks, table=table)
        trained, notes = _learn_and_draw(training_run, options)
    except (TrainingError, TableError) as error:
        return Outcome(name=name, unsuitable=str(error))
    except (ExportError, OSError) as error:
        return Outcome(name=name, failure=str(error))

    models = tuple((each.card, each.path) for each in trained)

    return Outcome(
        name=name, models=models, seconds=perf_counter() - started, notes=notes
    )


def _learn_and_draw(
    training_run: TrainingRun, options: argparse.Namespace
) -> tuple[list[TrainedModel], tuple[str, ...]]:
    """Returns what has been learnt and written, its examples and pictures with it, and what is to be said of it."""
    keep_torch_operators()
    notes: tuple[str, ...] = ()
    if isinstance(training_run.dataset, ParityImages):
        trained = [_train_published(training_run, options)]
    else:
        trained, notes = train_and_judge(
            training_run, options.output, force=options.force
        )
    if isinstance(training_run.dataset, ImageDataset):
        notes += _describe_images(training_run.dataset, options.data)
    if options.examples and trained:
        first = trained[0]
        notes += (write_examples(options.output, first.dataset, first.rows.held_out),)
    if options.report is not None:
        _draw_reports(training_run, trained, options.report)

    return trained, notes


def _describe_images(dataset: ImageDataset, given: Path | None) -> tuple[str, ...]:
    """Returns what is to be said of a person's own images: which are equal, and which were left out."""
    text = describe_left_out(dataset.left_out)
    if given is None or isinstance(dataset, ParityImages):
        return (text,) if text else ()

    names = name_images(given, dataset.left_out)
    equal = describe_equal_images(
        dataset.pixels,
        dataset.target,
        names if len(names) == len(dataset.target) else (),
    )
    return (*equal, text) if text else tuple(equal)


def _train_published(
    training_run: TrainingRun, options: argparse.Namespace
) -> TrainedModel:
    """Returns the network measured on the photographs that are given, or before, where its graph is the same."""
    from training import photographs  # slow to import, as all of torch is

    assert isinstance(training_run.dataset, ParityImages)
    path: Path = options.output / f"{options.task}-{training_run.name}.onnx"
    before = path.read_bytes() if path.is_file() else None
    if not options.photographs:
        (trained,) = train(training_run, options.output)
        return photographs.keep_measured(trained, before)

    found = photographs.find(options.photographs, training_run.dataset)
    (trained,) = train(training_run, options.output)
    training_run.callbacks.stage("measuring")

    return photographs.measure(trained, found)


def run_all(
    commands: Sequence[Sequence[str]],
    console: Console,
    *,
    learn: Learn,
    again: bool,
) -> tuple[list[Outcome], list[Outcome]]:
    """Returns outcomes of the commands in their order: those that ran, and those that were up to date.

    `learn` runs the others. Interrupted, it ends the running processes at once; files are written whole, so what was
    finished is kept.
    """
    waiting = []
    fresh = []
    for command in commands:
        models = () if again else _find_up_to_date(command)
        if models:
            fresh.append(Outcome(name=models[0][0].name, models=models))
        else:
            waiting.append(list(command))

    messages: Queue[Message] = _make_context().Queue()

    with make_progress(console) as progress:
        display = Thread(target=show_progress, args=(messages, progress, len(waiting)))
        display.start()

        try:
            outcomes = learn(waiting, messages)
        finally:
            messages.put(None)
            display.join()

    return outcomes, fresh


def _make_context() -> Context:
    """Returns a context whose processes begin with the libraries of training loaded, where the system does that well.

    They are forked from a process that has imported them and done nothing else: each would spend about 5 s of processor
    on the same.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [__name__, *FAMILIES.module_names(), *IMAGE_FAMILIES.module_names()]
    )

    return context


def learn_here(
    commands: Sequence[list[str]], messages: Messages, *, workers: int | None
) -> list[Outcome]:
    """Returns outcomes of the commands, each run by a process of this machine, as many at a time as processors."""
    # Processes that are ended at once remove nothing of their own.
    with tempfile.TemporaryDirectory(prefix="veredicto-train-") as scratch:
        environment = dict(os.environ) | {"TMPDIR": scratch}
        pool = ProcessPoolExecutor(
            min(workers or count_processors(), max(1, len(commands))),
            mp_context=_make_context(),
            initializer=_initialise_worker,
            initargs=(messages, environment),
        )
        try:
            futures = [pool.submit(_run_job, command) for command in commands]
            wait(futures, return_when=FIRST_EXCEPTION)
            return [
                _collect_outcome(future, command)
                for future, command in zip(futures, commands, strict=True)
            ]
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _collect_outcome(future: Future[Outcome], command: list[str]) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        reason = "a process was killed, perhaps for want of memory: run it again, what was finished is kept"
        return Outcome(name=name_job(command), failure=reason)


def _initialise_worker(messages: Messages, environment: Mapping[str, str]) -> None:
    """Prepares a process: the parent alone decides what Ctrl-C means, and no process outlives it.

    `environment` is that of the parent now; the process was forked from one that has an earlier one.
    """
    global _messages  # a queue reaches a process that was not forked from ours this way only
    _messages = messages
    os.environ.clear()
    os.environ.update(environment)
    # The next look for a folder of temporary files goes by the environment.
    tempfile.tempdir = None
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _run_job(command: list[str]) -> Outcome:
    """Runs a command in a process of its own, where an exception that nobody foresaw fails this training alone."""
    name = name_job(command)

    def send(text: str) -> None:
        assert _messages is not None
        _messages.put((name, text))

    def on_epoch(epoch: Epoch) -> None:
        if epoch.number % 10 == 1:
            send(describe_epoch(epoch))

    send("learning")

    try:
        return run_training(parse(command), Callbacks(stage=send, epoch=on_epoch))
    except Exception as error:
        reason = f"a defect, {type(error).__name__}: {error}; python -m training {shlex.join(command)} shows more"
        return Outcome(name=name, failure=reason)
    finally:
        send("")


def name_job(command: list[str]) -> str:
    """Returns the name of what a command makes."""
    options = parse(command)
    return f"{options.task}-{name_model(options)}"


def _find_up_to_date(command: Sequence[str]) -> tuple[tuple[Card, Path], ...]:
    """Returns the files of a command where they are what it would make again, and nothing where anything differs."""
    options = parse(list(command))
    path: Path = options.output / f"{options.task}-{name_model(options)}.onnx"
    card = read_card(path)
    is_of_command = card and card.provenance.command == write_command(options)
    if options.report is not None or not card or not is_of_command:
        # To read a table of a million rows takes 20 s, which is for naught where there is no such file.
        return ()

    try:
        training_run = make_training_run(options)
    except (TrainingError, TableError):
        return ()

    code = fingerprint_code(training_run.family)
    data = training_run.dataset.fingerprint
    if not is_up_to_date(path, command=training_run.command, data=data, code=code):
        return ()

    return ((card, path),)


def _draw_reports(
    training_run: TrainingRun, trained: Sequence[Any], folder: Path
) -> None:
    from training.pictures import (
        draw,  # matplotlib is slow to import, and few runs draw
    )

    for each in trained:
        draw.draw(training_run, each, folder / each.card.name)
