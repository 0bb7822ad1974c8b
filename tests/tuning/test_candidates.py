"""The settings that are tried follow from the number of processors."""

from __future__ import annotations

from tuning.candidates import Candidate, Choices, list_candidates


def list_for(
    choices: Choices,
    *,
    n_processors: int = 2,
    has_images: bool = False,
    max_candidates: int = 100,
) -> list[Candidate]:
    return list_candidates(
        choices,
        n_processors=n_processors,
        has_images=has_images,
        max_candidates=max_candidates,
        seed=0,
    )


def test_the_default_is_first_and_no_processor_is_promised_twice() -> None:
    """Workers times threads is at most the number of processors."""
    default, *others = list_for(Choices(), n_processors=4)
    assert (default.workers, default.threads, default.max_batch_rows) == (1, 1, 16)
    assert default.request_threads == 4
    assert max(each.workers * each.threads for each in others) == 4
    assert len({default, *others}) == len(others) + 1


def test_threads_that_decode_are_varied_for_images_alone() -> None:
    """A row of numbers is read on the event loop."""
    assert {each.request_threads for each in list_for(Choices())} == {2}
    images = list_for(Choices(), has_images=True)
    assert {each.request_threads for each in images} == {1, 2, 4}


def test_named_values_are_tried_as_they_are() -> None:
    """Settings that the caller names are not second-guessed, and the default stays in."""
    choices = Choices(workers=(3,), threads=(2,), max_batch_rows=(8,))
    assert [(e.workers, e.threads, e.max_batch_rows) for e in list_for(choices)] == [
        (1, 1, 16),
        (3, 2, 8),
    ]


def test_of_too_many_some_are_drawn() -> None:
    """The draw is the same for the same seed, and the default is in it."""
    few = list_for(Choices(), n_processors=8, has_images=True, max_candidates=5)
    again = list_for(Choices(), n_processors=8, has_images=True, max_candidates=5)
    assert few == again
    assert len(few) == 5
    assert few[0] == list_for(Choices(), n_processors=8)[0]


def test_a_candidate_sets_the_variables_of_its_settings() -> None:
    """The names are those of the settings."""
    default = list_for(Choices())[0]
    assert default.list_variables() == {
        "VEREDICTO_WORKERS": "1",
        "VEREDICTO_THREADS": "1",
        "VEREDICTO_MAX_BATCH_ROWS": "16",
        "VEREDICTO_REQUEST_THREADS": "2",
    }
