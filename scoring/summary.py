"""A block is summarised in numbers that can be added to those of other blocks, and a verdict follows from their sums.

Axes: labels `(n_rows, n_models)` and truth `(n_rows,)` are indices of classes; probabilities are one array
`(n_rows, n_classes)` for each model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from itertools import combinations
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from stats.reliability import equal_width
from stats.scores import ECE_BINS, brier_scores, confusion_matrix, log_losses

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(kw_only=True)
class Moments:
    """The moments of a loss of each model: mean and sum of squared deviations, `(n_models,)`; Chan, Golub and LeVeque,
    Am. Stat. 37 (1983) 242, say how two are merged.
    """

    mean: Floats
    squares: Floats

    @classmethod
    def of(cls, losses: Floats) -> Moments:
        """Returns the moments of losses `(n_models, n_rows)`."""
        mean = losses.mean(axis=1)
        deviations = losses - mean[:, None]

        return cls(mean=mean, squares=(deviations**2).sum(axis=1))

    def merge(self, n_rows: int, other: Moments, n_other: int) -> Moments:
        """Returns the moments of these rows and of others together."""
        apart = other.mean - self.mean
        n_all = n_rows + n_other
        mean = self.mean + apart * (n_other / n_all)
        within = self.squares + other.squares
        between = apart**2 * (n_rows * n_other / n_all)

        return Moments(mean=mean, squares=within + between)


@dataclass(kw_only=True)
class Agreement:
    """The agreement of models on `rows` rows: `votes` are `(n_models, n_classes)`, `same` has the rows to which
    two give one label, `(n_models, n_models)`.

    `agreeing` sums over the rows how many ordered pairs of models agree.
    """

    rows: int
    votes: Counts
    same: Counts
    agreeing: int

    @classmethod
    def of(cls, labels: Counts, n_classes: int) -> Agreement:
        n_rows, n_models = labels.shape
        same = np.diag(np.full(n_models, n_rows, np.int64))
        # Codes of one byte, each model's beside each other: 28 pairs take 9 ns a row, of eight bytes 250.
        codes = np.ascontiguousarray(labels.T, np.min_scalar_type(n_classes))

        for a, b in combinations(range(n_models), 2):
            n_same = np.count_nonzero(codes[a] == codes[b])
            same[a, b] = n_same
            same[b, a] = n_same

        votes = [np.bincount(each, minlength=n_classes) for each in labels.T]

        return cls(
            rows=n_rows,
            votes=np.array(votes, np.int64),
            same=same,
            agreeing=int(same.sum()) - n_rows * n_models,
        )


@dataclass(kw_only=True)
class Hits:
    """Hits count rows on which models are right: `confusion` `(n_models, n_classes, n_classes)`, rows are true classes.

    `together` `(n_models, n_models)` are the rows on which both are right; `apart` sums over the rows how many models
    are right times how many are wrong. Bins of confidence `(n_models, 15)` have rows, rows that are right, and the sum
    of confidence.
    """

    confusion: Counts
    together: Counts
    apart: int
    bin_rows: Counts
    bin_hits: Counts
    bin_confidence: Floats

    @classmethod
    def of(cls, labels: Counts, truth: Counts, probabilities: list[Floats]) -> Hits:
        n_models = labels.shape[1]
        n_classes = probabilities[0].shape[1]
        hits = labels == truth[:, None]
        whole = hits.astype(np.float64)  # exact up to 2**53 rows, and by BLAS
        together = np.rint(whole.T @ whole)
        n_right = hits.sum(axis=1, dtype=np.int64)
        n_wrong = n_models - n_right

        confusions = [
            confusion_matrix(each, truth, n_classes=n_classes) for each in labels.T
        ]
        bins = [
            _fill_bins(label, hit, each)
            for label, hit, each in zip(labels.T, hits.T, probabilities, strict=True)
        ]
        bin_rows, bin_hits, bin_confidence = zip(*bins, strict=True)

        return cls(
            confusion=np.array(confusions, np.int64),
            together=together.astype(np.int64),
            apart=int((n_right * n_wrong).sum()),
            bin_rows=np.array(bin_rows, np.int64),
            bin_hits=np.array(bin_hits, np.int64),
            bin_confidence=np.array(bin_confidence),
        )


T = TypeVar("T", Agreement, Hits)


@dataclass(kw_only=True)
class Summary:
    """The summary of judged rows; those of blocks are merged into that of all."""

    agreement: Agreement
    hits: Hits
    log_loss: Moments
    brier: Moments

    @classmethod
    def of(cls, labels: Counts, truth: Counts, probabilities: list[Floats]) -> Summary:
        """Summarises at least one row."""
        n_classes = probabilities[0].shape[1]
        losses = [log_losses(each, truth) for each in probabilities]
        briers = [brier_scores(each, truth) for each in probabilities]

        return cls(
            agreement=Agreement.of(labels, n_classes),
            hits=Hits.of(labels, truth, probabilities),
            log_loss=Moments.of(np.array(losses)),
            brier=Moments.of(np.array(briers)),
        )

    def merge(self, other: Summary) -> Summary:
        """Returns the summary of both blocks' rows."""
        n_rows = self.agreement.rows
        n_other = other.agreement.rows

        return Summary(
            agreement=add(self.agreement, other.agreement),
            hits=add(self.hits, other.hits),
            log_loss=self.log_loss.merge(n_rows, other.log_loss, n_other),
            brier=self.brier.merge(n_rows, other.brier, n_other),
        )


def add(first: T, second: T) -> T:
    """Returns the sums of both, count by count."""
    names = [each.name for each in fields(first)]
    sums = {name: getattr(first, name) + getattr(second, name) for name in names}

    return type(first)(**sums)


def merge_all(summaries: Iterable[Summary]) -> Summary | None:
    """Returns the summary of all blocks, in their order; None without any."""
    merged: Summary | None = None
    for each in summaries:
        merged = each if merged is None else merged.merge(each)

    return merged


def write(summary: Summary | Agreement) -> dict[str, Any]:
    """Returns the summary as JSON values, of which it can be read back as it was."""
    values: dict[str, Any] = _as_lists(asdict(summary))
    return values


def read_agreement(written: dict[str, Any]) -> Agreement:
    """Returns what `write` wrote."""
    return Agreement(
        rows=written["rows"],
        votes=np.array(written["votes"], np.int64),
        same=np.array(written["same"], np.int64),
        agreeing=written["agreeing"],
    )


def read(written: dict[str, Any]) -> Summary:
    """Returns what `write` wrote."""
    hits = written["hits"]
    whole = {
        name: np.array(hits[name], np.int64)
        for name in ("confusion", "together", "bin_rows", "bin_hits")
    }
    return Summary(
        agreement=read_agreement(written["agreement"]),
        hits=Hits(
            **whole,
            apart=hits["apart"],
            bin_confidence=np.array(hits["bin_confidence"]),
        ),
        log_loss=_read_moments(written["log_loss"]),
        brier=_read_moments(written["brier"]),
    )


def _read_moments(written: dict[str, Any]) -> Moments:
    return Moments(mean=np.array(written["mean"]), squares=np.array(written["squares"]))


def _as_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_lists(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value


def _fill_bins(
    label: Counts, hits: NDArray[np.bool_], probabilities: Floats
) -> tuple[Counts, Counts, list[float]]:
    """Returns of each bin its rows, those of them that are right, and the sum of confidence."""
    confidence = probabilities[np.arange(len(label)), label]
    bin_of = equal_width(confidence)
    n_rows = np.bincount(bin_of, minlength=ECE_BINS)
    n_hits = np.bincount(bin_of[hits], minlength=ECE_BINS)
    sums = np.bincount(bin_of, weights=confidence, minlength=ECE_BINS)

    return n_rows, n_hits, sums.tolist()
