"""This module says where what an adopted model answers does not fit the rows, as after an export that lost a part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_card import Card, ImageInput
from training.adopt.card_description import ModelDescription

MIN_ROWS = 20
MIN_GAIN = 0.1
"""Another scale has to explain this much more of the target's variance."""
MAX_WORSE = 2.5
"""A link has no free number, so it may leave this many times the variance that the best line leaves."""
MAX_BIAS = 0.5
MAX_SPREAD = 1.5
MAX_SLOPE = 2.0
"""Predictions that fit are about as high as the target, spread no wider, and need no slope. The first two are in
standard deviations of the target; who predicts too boldly has a slope below 1, and little bias."""
MIN_T = 4.0
"""The correlation of answers and target has to be shown, by the t of a slope."""
MAX_POWER = 80.0
"""The exponential of more is too large for float32."""

TABLE_QUESTION = (
    "are its columns and classes in the order of the table? "
    "--features COLUMN ... and --classes NAME ... set it"
)
IMAGE_QUESTION = (
    "are its images prepared so, and its classes in the order of the folders? --mean, --std, --scale and --classes "
    "set it"
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """A scale is what would bring answers to the target, and how well they then fit."""

    words: str
    advice: str
    r2: float


def note_doubts(
    described: ModelDescription, card: Card, source: dict[str, NDArray[Any]]
) -> tuple[str, ...]:
    """Returns a line for each reason to doubt that a model answers as it was learnt; `source` has its answers."""
    if described.classes is None:
        values = source["value"]
        target = described.target.astype(np.float64)
        return _note_values(described.target_name, card, values, target)

    return note_classes(described, card)


def _note_values(
    name: str | None, card: Card, values: Floats, target: Floats
) -> tuple[str, ...]:
    """Returns a note on answers of another scale, or else on those that are worse than the mean."""
    r2 = card.metrics["r2"].value
    if _is_off(values, target) and (found := _find_scale(values, target, r2)):
        answers, truth = np.median(values), np.median(target)
        return (
            f"are its answers on another scale than {name}? Their median is {answers:.4g}, and its own {truth:.4g}; "
            f"{found.words} they have R2 {found.r2:.3g}, as they are {r2:.3g}: {found.advice}",
        )

    if r2 >= 0:
        return ()
    return (
        f"worse than the mean of {name} (R2 {r2:.3g}): are its columns in the order of the table? --features COLUMN "
        "... sets it",
    )


def _is_off(values: Floats, target: Floats) -> bool:
    """Tells if answers rise or fall with the target, and are too high, too low, too wide or too narrow for it."""
    spread, wanted = float(values.std()), float(target.std())
    if len(values) < MIN_ROWS or not spread or not wanted:
        return False

    correlation = float(np.corrcoef(values, target)[0, 1])
    t = correlation * np.sqrt((len(values) - 2) / max(1 - correlation**2, 1e-12))
    bias = abs(float(values.mean() - target.mean())) / wanted
    slope = correlation * wanted / spread
    is_off = bias >= MAX_BIAS or spread >= MAX_SPREAD * wanted or slope >= MAX_SLOPE

    return bool(t >= MIN_T and is_off)


def _find_scale(values: Floats, target: Floats, r2: float) -> _Scale | None:
    """Returns the scale on which answers fit much better than as they are: that of a link, or else a line's."""
    lines = _list_lines(values, target)
    best = max(each.r2 for each in lines)
    least = max(r2 + MIN_GAIN, 1 - MAX_WORSE * (1 - best))
    links = [each for each in _list_links(values, target) if each.r2 >= least]
    if links:
        return max(links, key=lambda each: each.r2)
    if best < max(r2, 0) + MIN_GAIN:
        return None

    return next(each for each in lines if each.r2 >= best - MIN_GAIN / 2)


def _list_links(values: Floats, target: Floats) -> list[_Scale]:
    """Returns the scales of links: of a generalised model whose link is not in the graph, or of a logarithm learnt."""
    fit = partial(_measure_r2, target=target)
    back = "export it with what undoes that, or bring a target that is"
    found = []
    if values.max() < MAX_POWER:
        words, advice = "as logarithms", f"{back} the logarithm"
        found.append(_Scale(words=words, advice=advice, r2=fit(np.exp(values))))
    if target.min() >= 0 and target.max() <= 1:
        shares = 1 / (1 + np.exp(-values.clip(-MAX_POWER, MAX_POWER)))
        words, advice = "as log-odds", f"{back} the log-odds"
        found.append(_Scale(words=words, advice=advice, r2=fit(shares)))
    if values.min() > 0:
        words = "with the logarithm taken"
        advice = "bring a target that is no logarithm, or export it with the logarithm"
        found.append(_Scale(words=words, advice=advice, r2=fit(np.log(values))))

    return found


def _list_lines(values: Floats, target: Floats) -> list[_Scale]:
    """Returns what fits where answers are in another unit, divided or multiplied by a number of trees, or shifted."""
    fit = partial(_measure_r2, target=target)
    slope, shift = np.polyfit(values, target, 1)
    factor = float(values @ target) / float(values @ values)
    constant = float(target.mean() - values.mean())
    advice = "unless that is meant, as of a quantile, ask its own library about a row, and export it so that both agree"

    return [
        _Scale(words=f"times {factor:.4g}", advice=advice, r2=fit(values * factor)),
        _Scale(words=f"with {constant:.4g} added", advice=advice, r2=fit(values + constant)),
        _Scale(
            words=f"times {slope:.4g} with {shift:.4g} added",
            advice=advice,
            r2=fit(values * slope + shift),
        ),
    ]  # fmt: skip


def _measure_r2(values: Floats, target: Floats) -> float:
    return 1 - float(np.mean((target - values) ** 2)) / float(target.var())


def note_classes(described: ModelDescription, card: Card) -> tuple[str, ...]:
    """Returns notes where a constant answer is right more often, and where the classes' shares lose less."""
    assert described.classes is not None
    counts = np.bincount(described.target.astype(np.int64))
    shares = counts[counts > 0] / counts.sum()
    notes = []

    right = card.metrics["accuracy"].value
    if right < shares.max():
        common = described.classes[int(counts.argmax())]
        takes_images = isinstance(described.input, ImageInput)
        question = IMAGE_QUESTION if takes_images else TABLE_QUESTION
        notes.append(
            f"right on {right:.1%}, and always {common!r} on {shares.max():.1%}: {question}"
        )

    loss = card.metrics["log_loss"].value
    by_shares = -float(shares @ np.log(shares))
    if loss > by_shares and len(described.target) >= MIN_ROWS:
        notes.append(
            f"its probabilities lose more than the classes' shares alone (log loss {loss:.3g} to {by_shares:.3g}): "
            "they are too sure, or of another scale, as of trees that were added and not divided: ask its own library "
            "about a row"
        )

    return tuple(notes)
