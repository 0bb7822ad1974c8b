"""A reload is taken through its phases by hand: what happens comes in as calls, and what is to be done goes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.processes.reload_request import (
    BROKEN,
    DONE,
    FAILED,
    LOAD,
    LOOK,
    REFUSED,
    UNFIT,
    UNKNOWN,
    UNLOAD,
    ReloadRequest,
)
from service.processes.reload_state import MAX_DEATHS, STOPPING, Phase, ReloadState
from service.repository.generation import (
    GenerationRequest,
    Manifest,
    ManifestEntry,
    Store,
)

LOAD_S = 10.0


class WorkerGroup:
    """A group of two workers notes what it is told to do."""

    def __init__(self) -> None:
        self.orders: list[GenerationRequest] = []
        self.told: list[tuple[int, str, dict[str, Any]]] = []
        self.outcomes: list[str] = []
        self.ended: list[str] = []
        self.ready = [1, 2]
        self.n_begun = 0

    def start_trial(self, order: GenerationRequest) -> None:
        """Notes the order."""
        self.orders.append(order)

    def end_trial(self, why: str) -> None:
        """Notes why."""
        self.ended.append(why)

    def list_ready(self) -> list[int]:
        """Returns those that a test has left ready."""
        return list(self.ready)

    def is_complete(self) -> bool:
        """Returns whether both are ready."""
        return len(self.ready) == 2

    def tell_worker(self, number: int, kind: str, **fields: Any) -> None:
        """Notes the message."""
        self.told.append((number, kind, fields))

    def begin(self) -> None:
        """Counts how often the workers were let begin."""
        self.n_begun += 1

    def count_reload(self, outcome: str) -> None:
        """Notes the outcome."""
        self.outcomes.append(outcome)

    def take_told(self) -> list[tuple[int, str]]:
        """Returns to whom what was said since the last time."""
        told = [(number, kind) for number, kind, _ in self.told]
        self.told = []
        return told


class Play:
    """A reloading with a store in which the test writes what a trial would have made."""

    def __init__(self, folder: Path) -> None:
        self.workers = WorkerGroup()
        self.store = Store(folder)
        self.state = ReloadState(
            self.workers, self.store, source="models", max_model_bytes=1, load_s=LOAD_S
        )

    def make(self, versions: dict[str, str], **fields: Any) -> None:
        """Makes the generation that was ordered last, of these digests by name."""
        entries = tuple(
            ManifestEntry(
                file=f"{name}.onnx", name=name, version=None, digest=digest, stamp=""
            )
            for name, digest in versions.items()
        )
        number = self.workers.orders[-1].number
        self.store.write(Manifest(number=number, entries=entries, **fields))
        self.state.note_made(0.0)

    def ask(self, action: str, name: str = "") -> None:
        """Asks as worker 1 would, and lets the request begin."""
        self.state.ask(ReloadRequest(action=action, name=name, asker=1, ticket="t"))
        self.state.look(0.0)

    def take_answer(self) -> tuple[str, str]:
        """Returns the error and the text of the one answer."""
        answers = [
            fields for _, kind, fields in self.workers.told if kind == "reloaded"
        ]
        assert len(answers) == 1
        self.workers.told = []
        return answers[0]["error"], answers[0]["text"]

    def prepare(self, *workers: int, refused: dict[str, str] | None = None) -> None:
        """Has these workers say that they have loaded the generation."""
        for worker in workers:
            number = self.workers.orders[-1].number
            self.state.note_prepared(worker, number, refused or {}, 0.0)

    def commit(self, *workers: int) -> None:
        """Has these workers say that they serve the generation."""
        for worker in workers:
            self.state.note_committed(worker, self.workers.orders[-1].number)


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """The workers serve the first generation of two models."""
    made = Play(tmp_path)
    made.state.start(0.0)
    made.make({"a": "1", "b": "1"})
    assert made.workers.n_begun == 1
    return made


def test_all_prepare_before_any_commits(play: Play) -> None:
    """The second worker's word is the last that is waited for, and then both are told at once."""
    play.ask(LOOK)
    play.make({"a": "2", "b": "1"})
    play.state.look(0.0)
    assert play.workers.take_told() == [(1, "prepare"), (2, "prepare")]

    play.prepare(2)
    assert play.workers.take_told() == []
    play.prepare(1)
    assert play.workers.take_told() == [(1, "commit"), (2, "commit")]

    play.commit(1)
    assert play.state.phase is Phase.COMMITTING
    play.commit(2)
    assert play.state.phase is Phase.IDLE
    assert play.take_answer() == ("", "")
    assert play.workers.outcomes == [DONE]


def test_a_worker_that_refuses_keeps_all_from_it(play: Play) -> None:
    """The workers all forget a generation that one of them refuses, and the next one is made without that file."""
    play.ask(LOAD, "a")
    play.make({"a": "2", "b": "1"})
    play.state.look(0.0)
    play.workers.take_told()
    play.prepare(1)
    play.prepare(2, refused={"a.onnx": "there is no memory"})

    assert play.workers.take_told() == [(1, "abort"), (2, "abort")]
    assert play.workers.orders[-1].rejected == {"a.onnx": "there is no memory"}
    reason = "there is no memory; its version 1 goes on"
    play.make({"a": "1", "b": "1"}, refused={"a.onnx": reason}, late=("a.onnx",))
    play.state.look(0.0)
    play.prepare(1, 2)
    play.commit(1, 2)
    assert play.take_answer() == (UNFIT, f"a: {reason}")
    assert play.workers.outcomes == [REFUSED]


def test_a_worker_that_starts_is_waited_for(play: Play) -> None:
    """The other workers prepare nothing while one is about to begin with the generation before."""
    play.ask(LOOK)
    play.workers.ready = [1]
    play.make({"a": "2", "b": "1"})
    play.state.look(0.0)
    assert play.workers.take_told() == []

    play.workers.ready = [1, 2]
    play.state.look(0.0)
    assert play.workers.take_told() == [(1, "prepare"), (2, "prepare")]


def test_a_death_before_the_commit_begins_again(play: Play) -> None:
    """The other forgets what it has loaded, so that the successor begins with what it serves."""
    play.ask(LOOK)
    play.make({"a": "2", "b": "1"})
    play.state.look(0.0)
    play.prepare(1)
    play.workers.take_told()
    play.workers.ready = [1]
    play.state.note_gone(2, "a.onnx", 0.0)

    assert play.workers.take_told() == [(1, "abort")]
    assert play.state.served is not None
    assert play.state.served.entries[0].digest == "1"
    play.workers.ready = [1, 2]
    play.state.look(0.0)
    assert play.workers.take_told() == [(1, "prepare"), (2, "prepare")]


def test_a_file_that_kills_workers_is_given_up(play: Play) -> None:
    """The file that was loaded at the last is left out after a few deaths."""
    play.ask(LOOK)
    play.make({"a": "2", "b": "1"})
    for _ in range(MAX_DEATHS + 1):
        play.state.look(0.0)
        play.state.note_gone(2, "a.onnx", 0.0)

    assert list(play.workers.orders[-1].rejected) == ["a.onnx"]


def test_a_death_after_the_commit_changes_nothing(play: Play) -> None:
    """The successor begins with the new generation, as the others have it."""
    play.ask(LOOK)
    play.make({"a": "2", "b": "1"})
    play.state.look(0.0)
    play.prepare(1, 2)
    play.workers.ready = [1]
    play.state.note_gone(2, None, 0.0)
    play.commit(1)

    assert play.state.phase is Phase.IDLE
    assert play.state.served is not None
    assert play.state.served.entries[0].digest == "2"


def test_a_trial_that_dies_is_made_again_without_its_file(play: Play) -> None:
    """A file that ends the process that tries it is refused by name."""
    play.ask(LOOK)
    play.state.note_loading("a.onnx", 0.0)
    play.state.note_trial_ended("was ended by SIGSEGV", 0.0)

    assert play.workers.orders[-1].rejected == {
        "a.onnx": "its load: was ended by SIGSEGV"
    }


def test_a_trial_that_hangs_is_ended(play: Play) -> None:
    """A trial has its time for each file, and not for all of them."""
    play.ask(LOOK)
    play.state.note_loading("a.onnx", 5.0)
    play.state.look(14.0)
    assert play.workers.ended == []
    play.state.look(16.0)
    assert play.workers.ended == ["it did not end within 10 s"]


def test_a_worker_that_does_not_prepare_in_time_ends_the_reload(play: Play) -> None:
    """The workers all forget the generation, whoever asked is told, and the folder is worth another look."""
    play.ask(LOOK)
    play.make({"a": "2", "b": "1"})
    play.state.look(0.0)
    play.prepare(1)
    play.workers.take_told()
    play.state.look(LOAD_S + 1)

    error, text = play.take_answer()
    assert (error, "worker 2" in text) == (BROKEN, True)
    assert play.workers.outcomes == [FAILED]
    assert play.state.is_retrying


def test_a_stale_word_is_passed_over(play: Play) -> None:
    """A worker's word of a generation that was given up does not count for the next one."""
    play.ask(LOOK)
    play.make({"a": "2", "b": "1"})
    play.state.look(0.0)
    stale = play.workers.orders[-1].number - 1
    play.state.note_prepared(1, stale, {}, 0.0)
    play.state.note_prepared(2, stale, {}, 0.0)
    assert play.state.phase is Phase.PREPARING


def test_nothing_new_troubles_no_worker(play: Play) -> None:
    """A file that was touched alone is not told to the workers."""
    play.ask(LOOK)
    play.make({"a": "1", "b": "1"})
    assert play.state.phase is Phase.IDLE
    assert play.workers.take_told() == [(1, "reloaded")]


def test_what_is_unknown_is_told(play: Play) -> None:
    """Unloading what is not served asks no trial, and loading what is not in the folder does."""
    play.ask(UNLOAD, "c")
    assert play.take_answer() == (UNKNOWN, "unknown model 'c'; loaded models: a, b")
    assert len(play.workers.orders) == 1

    play.ask(LOAD, "c")
    play.make({"a": "1", "b": "1"})
    assert play.take_answer()[0] == UNKNOWN


def test_a_name_whose_file_is_gone_goes_on_where_it_cannot_be_loaded(
    play: Play,
) -> None:
    """A load that is answered with an error takes nothing away: no worker hears of it, and the next look decides."""
    served = play.state.served
    play.ask(LOAD, "b")
    play.make({"a": "1"})

    assert play.take_answer() == (
        UNKNOWN,
        "the folder has no file of a model 'b'; what was loaded of it before goes on",
    )
    assert play.state.phase is Phase.IDLE
    assert play.state.served is served
    assert play.workers.outcomes == [REFUSED]

    play.ask(LOOK)
    play.make({"a": "1"})
    play.state.look(0.0)
    assert play.workers.take_told() == [(1, "prepare"), (2, "prepare")]


def test_an_end_is_told_to_whoever_waits(play: Play) -> None:
    """Requests that wait, and one that comes later, are told so, and nothing is reloaded any more."""
    play.ask(LOAD, "a")
    play.ask(UNLOAD, "b")
    play.make({"a": "2", "b": "1"})
    play.state.look(0.0)
    play.workers.take_told()
    play.state.end()
    play.prepare(1, 2)
    play.state.ask(ReloadRequest(action=LOAD, name="a", asker=2, ticket="later"))
    play.state.look(0.0)

    answers = [fields for _, kind, fields in play.workers.told if kind == "reloaded"]
    assert [(each["ticket"], each["error"]) for each in answers] == [
        ("t", BROKEN),
        ("t", BROKEN),
        ("later", BROKEN),
    ]
    assert {each["text"] for each in answers} == {STOPPING}
    assert [kind for _, kind, _ in play.workers.told] == ["reloaded"] * 3


def test_unloading_is_remembered(play: Play) -> None:
    """Each later order leaves the name out, until it is loaded."""
    play.ask(UNLOAD, "b")
    assert play.workers.orders[-1].unloaded == ("b",)
    play.make({"a": "1"}, unloaded=("b",))
    play.state.look(0.0)
    play.prepare(1, 2)
    play.commit(1, 2)
    play.ask(LOOK)
    assert play.workers.orders[-1].unloaded == ("b",)
    play.make({"a": "1"}, unloaded=("b",))
    play.ask(LOAD, "b")
    assert play.workers.orders[-1].unloaded == ()
    assert play.workers.orders[-1].names == ("b",)


def test_a_look_that_fails_again_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason is said when the trouble begins, when it changes, and for each load that somebody asks for."""
    play = Play(tmp_path)
    play.state.start(0.0)
    play.make({"a": "1"})
    full = "no copies can be kept: No space left on device"
    failures = [(LOOK, full)] * 3 + [(LOOK, "another"), (LOAD, "another"), (LOOK, full)]
    for action, reason in failures:
        play.ask(action, "a" if action == LOAD else "")
        play.state.note_failed(reason)
    play.ask(LOOK)
    play.make({"a": "1"})
    play.ask(LOOK)
    play.state.note_failed(full)

    said = [each.args for each in caplog.records if each.levelname == "ERROR"]
    assert said == [(full,), ("another",), ("another",), (full,), (full,)]


def test_without_copies_the_workers_begin_all_the_same(tmp_path: Path) -> None:
    """A full disk keeps nobody from serving the folder itself, and the next look tries again."""
    play = Play(tmp_path)
    play.state.start(0.0)
    play.state.note_failed("no copies can be kept: No space left on device")

    assert play.workers.n_begun == 1
    assert play.state.served is None
    assert play.state.is_retrying
    play.ask(UNLOAD, "a")
    assert play.take_answer()[0] == BROKEN
