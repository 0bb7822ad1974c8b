"""Any text that UTF-8 can write is drawn by its categories, for which no table of a codec has to be made.

Hypothesis makes such a table for its own texts where none is stored yet: it took two seconds of each process.
"""

from __future__ import annotations

from hypothesis import strategies as st

SURROGATES = "Cs"


def any_text(*, max_size: int | None = None) -> st.SearchStrategy[str]:
    """Returns texts of all characters but surrogates, as `st.text` does."""
    return st.text(st.characters(exclude_categories=[SURROGATES]), max_size=max_size)
