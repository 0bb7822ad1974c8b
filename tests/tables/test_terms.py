"""A text becomes its words and pairs of words, the same ones wherever it comes from."""

from __future__ import annotations

import time
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from sklearn.feature_extraction.text import CountVectorizer

from tables.spread_columns import join_features
from tables.terms import (
    MAX_CHARS,
    TextColumn,
    choose_terms,
    find_text_columns,
    name_feature,
    split_terms,
    split_words,
)
from tests.support.any_text import any_text

TEXTS = [
    "Good food, good staff!",
    "The food was not good; it's cold.",
    "Not good, but the staff is nice",
    "",
    "THE STAFF... the food: nice and good",
]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hola Ñandú, it's 3 o’clock", ["hola", "ñandú", "it's", "3", "o'clock"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("ﬁne ｆｕｌｌ", ["fine", "full"]),
        ("cafe\u0301 café", ["café", "café"]),
        ("日本の", ["日", "本", "の"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("so good 😀!!!", ["so", "good"]),
        ("x" * 41 + " y", ["y"]),
        (" \n\t", []),
    ],
)
def test_words_are_those_of_any_script(text: str, words: list[str]) -> None:
    """Words are in lower case, composed, without marks around them; scripts without blanks have single characters."""
    assert split_words(text) == words


@given(any_text(max_size=200))
def test_the_way_a_text_is_written_makes_no_difference(text: str) -> None:
    """Upper case, decomposed letters and other blanks lead to the same terms as often as the text is split."""
    terms = split_terms(text)
    assert split_terms(unicodedata.normalize("NFD", text)) == terms
    for term in terms:
        words = term.split(" ")
        assert " ".join(split_words(term)) == term
        assert len(words) in (1, 2)


def test_a_term_is_what_count_vectorizer_counts() -> None:
    """Words and pairs of plain texts are scikit-learn's, row by row."""
    vectorizer = CountVectorizer(
        binary=True, ngram_range=(1, 2), token_pattern=r"\w+(?:'\w+)*"
    )
    expected = vectorizer.fit_transform(TEXTS).toarray()
    terms = list(vectorizer.get_feature_names_out())
    column = TextColumn("t", {term: at for at, term in enumerate(terms)})

    np.testing.assert_array_equal(column.encode(TEXTS), expected)


def test_frequent_terms_are_chosen() -> None:
    """A term is in two texts at least and not in nearly all; the more frequent come first, words ahead of pairs."""
    texts = [*TEXTS[:3], *TEXTS[4:], None]
    chosen = choose_terms(texts)

    words = ["food", "staff", "the", "nice", "not"]
    assert chosen == [*words, "not good", "the food", "the staff"]
    assert choose_terms(texts, max_terms=4) == [*words[:3], "not good"]
    assert choose_terms([]) == []


def test_few_terms_are_pairs() -> None:
    """A quarter of many terms are pairs."""
    texts = [" ".join(f"w{at}" for at in range(100)) for _ in range(3)]
    texts += ["other words"] * 3
    chosen = choose_terms(texts, max_terms=40)

    assert len(chosen) == 40
    assert sum(" " in each for each in chosen) == 10


def test_a_long_text_is_read_up_to_its_limit() -> None:
    """The rest of a text behind the limit adds nothing, and takes no time."""
    text = "a b " * (MAX_CHARS // 4)
    started_s = time.process_time()
    assert split_terms(text + "tail " * 2_000_000) == {"a", "b", "a b", "b a"}
    assert time.process_time() - started_s < 5


def test_features_lead_back_to_their_text() -> None:
    """Names of features say which text they come from, and where in the row each term stands."""
    terms = ["good", "bad", "not good", "it's", "日 本"]
    names = ["age", *(name_feature("my: review", each) for each in terms), "city"]
    (column,) = find_text_columns(names)

    assert column.name == "my: review"
    assert column.terms == {term: at for at, term in enumerate(terms, 1)}
    assert join_features(names, [column]) == ["age", "my: review", "city"]
    assert sorted(column.find("GOOD, not good. 日本")) == [1, 3, 5]


@pytest.mark.parametrize(
    "names",
    [
        ["a: x", "a: y", "a: z", "a: w"],
        ["a: X", "a: Y", "a: Z", "a: W", "a: V"],
        ["a", "a: x", "a: y", "a: z", "a: w", "a: v"],
        ["x", "y", ": x", ": y", ": z", ": w", ": v"],
        ["a: one two three", "a: b", "a: c", "a: d", "a: e"],
    ],
)
def test_other_names_are_no_terms(names: list[str]) -> None:
    """Names that are few, in upper case, of three words, without a column or beside it are features as any others."""
    assert find_text_columns(names) == ()


def test_many_marks_after_each_other_are_no_word() -> None:
    """Unicode would sort marks in quadratic time, so that one cell could hold a processor; a word's few are kept."""
    assert split_terms("a" + "\u0301\u0323" * 1000 + "b") == {"a", "b", "a b"}
    assert split_terms("o\u0323\u0302") == {"ộ"}
    assert split_terms("good" + "!" * 100) == {"good"}
