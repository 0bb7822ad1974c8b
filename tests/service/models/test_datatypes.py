"""Values become those of a tensor type, and numpy's again."""

from __future__ import annotations

import numpy as np

from service.models.datatypes import from_bfloat16, to_bfloat16


def test_bfloat16_is_the_nearest() -> None:
    """The even one of two values of bfloat16 as near to a float32 is taken, as in IEEE 754."""
    ulp = 2.0**-7
    given = np.array([1 + ulp / 2, 1 + 1.5 * ulp, 1 + 0.6 * ulp], np.float32)

    assert from_bfloat16(to_bfloat16(given)).tolist() == [1.0, 1 + 2 * ulp, 1 + ulp]
