"""A name that is nearly right is answered with the right one."""

from __future__ import annotations

from unicodedata import normalize

import pytest

from service.errors import MAX_HINTED_CHARS, hint_at, hint_at_form

KNOWN = ["wine-logistic", "wine-mlp", "tacos-linear"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("wine-logistc", " (did you mean 'wine-logistic'?)"),
        ("WINE-MLP", " (did you mean 'wine-mlp'?)"),
        ("mlp", ""),
        ("", ""),
        ("w" * (MAX_HINTED_CHARS + 1), ""),
    ],
)
def test_a_near_name_is_hinted_at(name: str, hint: str) -> None:
    """Case does not count, a name that is like none gets no hint, and a very long one is not compared."""
    assert hint_at(name, KNOWN) == hint


def test_what_all_names_begin_with_makes_none_alike() -> None:
    """The common beginning of settings is left out of the comparison."""
    known = ["VEREDICTO_MODELS", "VEREDICTO_WORKERS"]
    assert hint_at("VEREDICTO_PORT", known, prefix="VEREDICTO_") == ""
    assert hint_at("VEREDICTO_MODEL", known, prefix="VEREDICTO_") == (
        " (did you mean 'VEREDICTO_MODELS'?)"
    )


@pytest.mark.parametrize(("known", "given"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_the_same_letters_in_another_form_are_told(known: str, given: str) -> None:
    """A name whose accents are characters of their own looks like the known one, which the refusal would show twice."""
    names = ["plain", normalize(known, "café")]
    hint = f" (the same letters are known in Unicode's form {known}: send them so)"

    assert hint_at(normalize(given, "café"), names) == hint
    assert hint_at_form(normalize(given, "café"), names) == hint
    assert hint_at_form(normalize(given, "thé"), names) == ""
