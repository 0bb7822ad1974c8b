"""`python -m evaluation` is called for its evidence alone, by tests that look at no page."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from evaluation.__main__ import main
from evaluation.report import page

NO_PAGE = "<!-- nobody looks at this page -->"


def judge_without_page(words: Sequence[str]) -> int:
    """Returns the exit code; the page stays empty, whose pictures take two thirds of the command's processor time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "render", lambda *_: NO_PAGE)
        return main(words)
