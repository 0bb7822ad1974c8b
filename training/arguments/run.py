"""The options name a family, with what is wrapped around it, and so a training run."""

from __future__ import annotations

import argparse

from tables.reader import Table
from training.arguments.command import write_command
from training.arguments.loading import load_dataset
from training.data.images import ImageDataset
from training.export.encoding import EncodedFamily
from training.export.ordering import OrderedFamily
from training.export.recalibration import RecalibratedFamily
from training.export.smoothing import SmoothedFamily
from training.families.registry import FAMILIES, IMAGE_FAMILIES
from training.learning import enlarged
from training.learning.family import Family
from training.pipeline import Callbacks, TrainingRun

RECALIBRATED = ("naive_bayes", "knn")
"""These families' probabilities need more than the pipeline's temperature."""
SMOOTHED = ("logistic", "mlp", "gradient_boosting")
"""These families' probabilities would be 0 by underflow; trees and forests have a vote for each class."""
TAKES_GAPS = ("gradient_boosting",)
"""These families split gaps and categories by themselves; all others are given plain numbers."""


def make_training_run(
    options: argparse.Namespace,
    callbacks: Callbacks | None = None,
    *,
    table: Table | None = None,
) -> TrainingRun:
    """Returns the run that the options ask for; a `table` that was read of their file is not read again.

    It raises TableError for a task that there is no data for, or a table that cannot be learnt from, and
    TrainingError for weights that cannot be got.
    """
    callbacks = callbacks or Callbacks()
    dataset = load_dataset(options, callbacks.stage, table=table)
    return TrainingRun(
        name=name_model(options),
        family=find_family(options, images=isinstance(dataset, ImageDataset)),
        dataset=dataset,
        options=options,
        command=write_command(options),
        callbacks=callbacks,
    )


def name_model(options: argparse.Namespace) -> str:
    """Returns the family of the card, by which a model is known among the others of its task."""
    if options.family != "pretrained":
        return str(options.family)

    from training.transfer import pretrained  # slow to import, as all of torch is

    return pretrained.name_family(options)


def find_family(options: argparse.Namespace, *, images: bool) -> Family:
    """Returns the family of the options, enlarged where they ask for it; raises TrainingError where it cannot be.

    Those of rows are given plain numbers, and those that need curves for their probabilities get them.
    """
    family = (IMAGE_FAMILIES if images else FAMILIES)[options.family]
    if not images and options.family == "logistic":
        family = _choose_solver(family, options)

    family = enlarged.enlarge_family(family, options)

    if images:
        return family
    if options.family in RECALIBRATED:
        family = RecalibratedFamily(inner=family)
    if options.family in SMOOTHED:
        family = SmoothedFamily(inner=family)

    takes_gaps = options.family in TAKES_GAPS

    return OrderedFamily(inner=family) if takes_gaps else EncodedFamily(inner=family)


def _choose_solver(family: Family, options: argparse.Namespace) -> Family:
    """Returns logistic regression by a solver, where the options leave it to one."""
    from training.families import logistic

    return (
        logistic.SolvedFamily(inner=family) if logistic.is_solved(options) else family
    )
