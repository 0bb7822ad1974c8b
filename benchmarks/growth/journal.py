"""Journals are filled as a server would, with predictions, what challengers say of the same rows, and true labels."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from service.live.journal.prediction_ids import PredictionIds
from service.live.journal.records import (
    FeedbackRecord,
    ModelKey,
    PredictionRecord,
    ShadowRecord,
)
from service.live.journal.storage import schema
from service.live.journal.transaction import Transactions

REQUESTS_PER_TRANSACTION = 1000


def fill_journal(path: Path, models: Sequence[ModelKey], n_rows: int) -> None:
    """Writes predictions of the first model, what the others say, and every second true label."""
    champion, *challengers = models
    generator = np.random.default_rng(0)
    ids = PredictionIds()
    with closing(schema.connect(path)) as connection:
        transactions = Transactions(connection, max_rows=2 * n_rows)
        for start in range(0, n_rows, REQUESTS_PER_TRANSACTION):
            size = min(REQUESTS_PER_TRANSACTION, n_rows - start)
            labels = generator.integers(0, 2, (1 + len(challengers), size))
            names = [ids.take() for _ in range(size)]
            transactions.write(
                [
                    *(
                        PredictionRecord(name, champion, labels[0, [place]])
                        for place, name in enumerate(names)
                    ),
                    ShadowRecord(
                        names, [1] * size, champion, tuple(challengers), labels[1:], []
                    ),
                    *(
                        FeedbackRecord(name, None, champion.classes[labels[1, place]])
                        for place, name in enumerate(names)
                        if place % 2
                    ),
                ]
            )
