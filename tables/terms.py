"""A text becomes features: one for each term, a word or a pair of neighbouring words, that is 1 where the text has it.

The features of the column `review` are called `review: good` and `review: not good`. So their names say all that is
needed to make them of a text again, and a card needs no more of them than of other numbers.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MAX_CHARS = 20_000
"""What stands behind so many characters of a text is not read."""
MAX_WORD_CHARS = 40
"""A longer word is an address or a code, and no term."""
MAX_TERMS = 500
"""All texts of a table have so many terms together."""
MIN_TERMS = 5
"""A column with fewer terms is no text."""
PAIRS_SHARE = 0.25
MIN_TEXTS = 2
MIN_SHARE, MAX_SHARE = 0.01, 0.95
"""A term is in so great a share of the texts at least, and at most."""
SEPARATOR = ": "
# Scripts that put no blanks between words, each character of which is taken for a word.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
# Signs that are no letters but stand within words: accents, vowels of Arabic and of Indic scripts.
_SIGNS = (
    r"\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0980-\u0dff"
)
_LETTER = rf"(?:(?![{_UNSPACED}])[\w{_SIGNS}])"
_WORD = re.compile(rf"[{_UNSPACED}]|{_LETTER}+(?:['’]{_LETTER}+)*")
# Unicode sorts marks that follow each other, in quadratic time; text has few, so more are no word.
_MANY_MARKS = re.compile(r"[^\w\s]{31,}")

Matrix = NDArray[np.float32]


def split_words(text: str) -> list[str]:
    """Returns the words of a text in their order, in lower case, without those that are too long for terms."""
    bare = _MANY_MARKS.sub(" ", text[:MAX_CHARS])
    plain = unicodedata.normalize("NFKC", bare)[:MAX_CHARS].casefold()
    words = _WORD.findall(unicodedata.normalize("NFKC", plain)[:MAX_CHARS])
    return [each.replace("’", "'") for each in words if len(each) <= MAX_WORD_CHARS]


def split_terms(text: str) -> set[str]:
    """Returns the words of a text and the pairs of neighbouring words, each with a blank between them."""
    words = split_words(text)
    pairs = pairwise(words)
    return {*words, *(f"{first} {second}" for first, second in pairs)}


def choose_terms(
    texts: Iterable[str | None], *, max_terms: int = MAX_TERMS
) -> list[str]:
    """Returns the terms that are in most texts, words first, each kind by frequency and alphabet; pairs are a quarter.

    A term is in at least two texts and a hundredth of them, and not in nearly all.
    """
    counts: Counter[str] = Counter()
    n_texts = 0
    for text in texts:
        if text is not None:
            n_texts += 1
            counts.update(split_terms(text))

    least = max(MIN_TEXTS, MIN_SHARE * n_texts)
    fit = [
        each for each, n in counts.items() if least <= n <= max(MAX_SHARE * n_texts, 1)
    ]
    ranked = sorted(fit, key=lambda term: (-counts[term], term))
    n_pairs = int(PAIRS_SHARE * max_terms)
    words = [each for each in ranked if " " not in each][: max_terms - n_pairs]
    pairs = [each for each in ranked if " " in each][:n_pairs]

    return words + pairs


def name_feature(column: str, term: str) -> str:
    """Returns the name of the feature that says whether a column's text has a term."""
    return f"{column}{SEPARATOR}{term}"


@dataclass(frozen=True)
class TextColumn:
    """A TextColumn is a column of texts, with the position of each of its terms among some features."""

    name: str
    terms: Mapping[str, int]

    @property
    def positions(self) -> list[int]:
        """Returns where its features are."""
        return list(self.terms.values())

    def find(self, text: str) -> list[int]:
        """Returns the positions of the terms that a text has."""
        known = self.terms
        return [known[each] for each in split_terms(text) if each in known]

    def encode(self, texts: Sequence[str | None]) -> Matrix:
        """Returns `(n_texts, n_terms)`, 1 where a text has a term; a missing text has none."""
        columns = {position: at for at, position in enumerate(self.terms.values())}
        matrix = np.zeros((len(texts), len(columns)), np.float32)
        for row, text in enumerate(texts):
            if text is not None:
                matrix[row, [columns[each] for each in self.find(text)]] = 1

        return matrix


def find_text_columns(features: Sequence[str]) -> tuple[TextColumn, ...]:
    """Returns the text columns that features of these names come from, in the order of their first terms."""
    found: dict[str, dict[str, int]] = {}
    for position, name in enumerate(features):
        column, separator, term = name.rpartition(SEPARATOR)
        if separator and column and _is_term(term):
            found.setdefault(column, {})[term] = position

    return tuple(
        TextColumn(column, terms)
        for column, terms in found.items()
        if len(terms) >= MIN_TERMS and column not in features
    )


def _is_term(name: str) -> bool:
    words = split_words(name)
    return 1 <= len(words) <= 2 and " ".join(words) == name
