"""The fingerprint of code counts what a module does, and not what it is called or where it lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.export.freshness import fingerprint_modules

FAMILY = """
import numpy as np

from training.arithmetic import double, treble


def fit(values):
    return double(np.sum(values))
"""
ARITHMETIC = """
def double(value):
    return 2 * value


def treble(value):
    return 3 * value
"""


def fingerprint(
    root: Path,
    family: str = FAMILY,
    arithmetic: str = ARITHMETIC,
    *,
    family_name: str = "training.family",
    arithmetic_name: str = "training.arithmetic",
) -> str:
    """Writes both modules below the folder and returns the fingerprint of the first."""
    for name, source in ((family_name, family), (arithmetic_name, arithmetic)):
        path = root.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")

    return fingerprint_modules(family_name, root=root)


def test_comments_and_docstrings_do_not_count(tmp_path: Path) -> None:
    """A comment, a docstring and blank lines more leave the fingerprint as it is."""
    commented = FAMILY.replace(
        "def fit(values):\n", 'def fit(values):\n    """Doubles."""\n\n    # twice\n'
    )
    assert commented != FAMILY
    assert fingerprint(tmp_path, commented) == fingerprint(tmp_path)


def test_the_name_and_the_place_of_a_module_do_not_count(tmp_path: Path) -> None:
    """Modules that are moved and called otherwise, with the imports that this asks for, have the same fingerprint."""
    moved = FAMILY.replace("training.arithmetic", "training.numbers.multiples")
    moved_fingerprint = fingerprint(
        tmp_path / "moved",
        moved,
        family_name="training.families.sums",
        arithmetic_name="training.numbers.multiples",
    )
    assert moved_fingerprint == fingerprint(tmp_path)


def test_a_module_may_be_called_by_another_name_where_it_is_used(
    tmp_path: Path,
) -> None:
    """A function that is called through its module has the same fingerprint whatever the module is called."""
    through = FAMILY.replace("training.arithmetic import double, treble", "{}")
    through = through.replace("double(", "{}.double(")
    first = through.format("training import arithmetic", "arithmetic")
    second = through.format("training import multiples", "multiples")
    assert fingerprint(tmp_path, first) == fingerprint(
        tmp_path, second, arithmetic_name="training.multiples"
    )


def test_imports_of_ours_do_not_count(tmp_path: Path) -> None:
    """An import of ours that is in another order, or of a name more, leaves the fingerprint as it is."""
    fewer = FAMILY.replace("import double, treble", "import double")
    assert fingerprint(tmp_path, fewer) == fingerprint(tmp_path)


EARLY = """
import argparse
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.arithmetic import double


def fit(values: Tensor, options: Any) -> Tensor:
    return torch.ones(double(np.sum(values)))
"""
LATE = """
import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from training.arithmetic import double

if TYPE_CHECKING:
    from torch import Tensor


def fit(values: Tensor, options: Any) -> Tensor:
    import torch

    return torch.ones(double(np.sum(values)))
"""


def test_a_library_may_be_imported_where_it_is_used(tmp_path: Path) -> None:
    """A library that is imported for its types alone at the top, and again in functions, counts as one at the top."""
    assert fingerprint(tmp_path, LATE) == fingerprint(tmp_path, EARLY)

    flag_alone = LATE.replace("TYPE_CHECKING, Any", "TYPE_CHECKING")
    early = EARLY.replace("from typing import Any\n", "")
    assert fingerprint(tmp_path, flag_alone) == fingerprint(tmp_path, early)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("torch.ones", "torch.zeros"),
        ("    import torch\n", "    import jax as torch\n"),
        (
            "    from torch import Tensor\n",
            "    from torch import BoolTensor as Tensor\n",
        ),
    ],
    ids=["another body", "another library", "another name"],
)
def test_what_is_imported_late_counts(tmp_path: Path, old: str, new: str) -> None:
    """An import that brings something else changes the fingerprint, wherever it stands."""
    changed = LATE.replace(old, new)
    assert changed != LATE
    assert fingerprint(tmp_path, changed) != fingerprint(tmp_path, EARLY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("double(np.sum(values))", "double(np.max(values))"),
        ("import numpy as np", "import cupy as np"),
        ("double(np.sum(values))", "treble(np.sum(values))"),
    ],
    ids=["another body", "another third-party import", "another function of ours"],
)
def test_what_a_module_does_counts(tmp_path: Path, old: str, new: str) -> None:
    """A body, a third-party import, or a call of another function of ours changes the fingerprint."""
    changed = FAMILY.replace(old, new)
    assert changed != FAMILY
    assert fingerprint(tmp_path, changed) != fingerprint(tmp_path)


def test_another_function_of_a_module_counts(tmp_path: Path) -> None:
    """A call through a module of ours changes the fingerprint where it is of another function."""
    through = FAMILY.replace(
        "training.arithmetic import double, treble", "training import arithmetic"
    )
    double = through.replace("double(", "arithmetic.double(")
    treble = through.replace("double(", "arithmetic.treble(")
    assert fingerprint(tmp_path, double) != fingerprint(tmp_path, treble)


def test_what_an_imported_module_does_counts(tmp_path: Path) -> None:
    """A changed body of a module of ours that is imported changes the fingerprint."""
    changed = ARITHMETIC.replace("2 * value", "value + value")
    assert fingerprint(tmp_path, arithmetic=changed) != fingerprint(tmp_path)


def test_an_unknown_module_is_refused(tmp_path: Path) -> None:
    """A module that does not exist has no fingerprint, and the error names it."""
    with pytest.raises(ValueError, match=r"^there is no module training\.absent to "):
        fingerprint_modules("training.absent", root=tmp_path)
